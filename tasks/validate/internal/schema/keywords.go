package schema

import (
	"github.com/inith/inith/internal/document"
)

// A keywordKind is a keyword and its compiler. A nil result checks nothing.
type keywordKind struct {
	name  string
	build func(s *site, name string, value *document.Node) keyword
}

// keywords returns the keywords of a draft that check something. Those that depend on what others have evaluated come
// last.
func keywords(d draft) []keywordKind {
	all := []keywordKind{
		{"$ref", ref},
		{"type", typeOf},
		{"enum", enum},
		{"const", constant},
		{"minimum", numeric("less than the minimum", func(c int) bool { return c >= 0 })},
		{"maximum", numeric("more than the maximum", func(c int) bool { return c <= 0 })},
		{"exclusiveMinimum", numeric("not more than the exclusive minimum", func(c int) bool { return c > 0 })},
		{"exclusiveMaximum", numeric("not less than the exclusive maximum", func(c int) bool { return c < 0 })},
		{"multipleOf", multipleOf},
		{"minLength", length(document.String, "fewer than", "characters", atLeast)},
		{"maxLength", length(document.String, "more than", "characters", atMost)},
		{"minItems", length(document.Sequence, "fewer than", "items", atLeast)},
		{"maxItems", length(document.Sequence, "more than", "items", atMost)},
		{"minProperties", length(document.Mapping, "fewer than", "keys", atLeast)},
		{"maxProperties", length(document.Mapping, "more than", "keys", atMost)},
		{"pattern", pattern},
		{"format", format},
		{"uniqueItems", uniqueItems},
		{"required", required},
		{"propertyNames", propertyNames},
		{"properties", properties},
		{"patternProperties", patternProperties},
		{"additionalProperties", additionalProperties},
		{"contains", contains},
		{"allOf", allOf},
		{"anyOf", anyOf},
		{"oneOf", oneOf},
		{"not", not},
		{"if", conditional},
	}
	if d == draft7 {
		return append(all, keywordKind{"items", items7}, keywordKind{"dependencies", dependencies})
	}
	return append(all,
		keywordKind{"$dynamicRef", dynamicRef},
		keywordKind{"prefixItems", prefixItems},
		keywordKind{"items", items},
		keywordKind{"dependentSchemas", dependentSchemas},
		keywordKind{"dependentRequired", dependentRequired},
		keywordKind{"unevaluatedItems", unevaluatedItems},
		keywordKind{"unevaluatedProperties", unevaluatedProperties},
	)
}
