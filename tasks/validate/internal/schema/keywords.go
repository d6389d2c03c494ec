package schema

import (
	"slices"

	"github.com/inith/inith/internal/document"
)

// A keywordKind is a keyword and its compiler. A nil result checks nothing.
type keywordKind struct {
	name  string
	build func(s *site, name string, value *document.Node) keyword
}

// keywords returns the keywords of a draft that check something. Those that depend on what others have evaluated come
// last. As with other validators, a schema of an early draft may have keywords of drafts up to 7.
func keywords(d Draft) []keywordKind {
	all := slices.Concat(values(), containers())
	if d == Draft2020 {
		all = append(all,
			keywordKind{"$dynamicRef", dynamicRef},
			keywordKind{"prefixItems", prefixItems},
			keywordKind{"items", items})
	} else {
		all = append(all, keywordKind{"items", itemsOrTuple})
	}
	if d == Draft2019 {
		all = append(all, keywordKind{"$recursiveRef", recursiveRef})
	}
	if d >= Draft2019 {
		all = append(all,
			keywordKind{"dependentSchemas", dependentSchemas},
			keywordKind{"dependentRequired", dependentRequired},
			keywordKind{"unevaluatedItems", unevaluatedItems},
			keywordKind{"unevaluatedProperties", unevaluatedProperties})
	}
	return all
}

// values are keywords about a value, without those in it.
func values() []keywordKind {
	return []keywordKind{
		{"type", typeOf},
		{"enum", enum},
		{"const", constant},
		{"minimum", limit("exclusiveMinimum", numeric("less than the minimum", func(c int) bool { return c >= 0 }), above)},
		{"maximum", limit("exclusiveMaximum", numeric("more than the maximum", func(c int) bool { return c <= 0 }), below)},
		{"exclusiveMinimum", exclusive(above)},
		{"exclusiveMaximum", exclusive(below)},
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
	}
}

// containers are keywords that have schemas.
func containers() []keywordKind {
	return []keywordKind{
		{"$ref", ref},
		{"properties", properties},
		{"patternProperties", patternProperties},
		{"additionalProperties", additionalProperties},
		{"propertyNames", propertyNames},
		{"contains", contains},
		{"dependencies", dependencies}, // of later drafts too: they keep it for schemas that have it
		{"allOf", allOf},
		{"anyOf", anyOf},
		{"oneOf", oneOf},
		{"not", not},
		{"if", conditional},
	}
}
