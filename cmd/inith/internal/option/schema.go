package option

import (
	"encoding/json"
	"maps"
	"slices"
)

// Schema returns the JSON Schema (draft 2020-12) of a file that is one mapping.
func Schema[P any](title string, t Table[P]) []byte {
	return document(title, t.untyped().schema())
}

// ListSchema returns the JSON Schema (draft 2020-12) of a file that is a list of mappings.
func ListSchema[P any](title string, t Table[P]) []byte {
	return document(title, map[string]any{"type": "array", "items": t.untyped().schema()})
}

func document(title string, schema map[string]any) []byte {
	schema["$schema"], schema["title"] = "https://json-schema.org/draft/2020-12/schema", title
	b, _ := json.MarshalIndent(schema, "", "  ")
	return append(b, '\n')
}

func (t *table) schema() map[string]any {
	properties := map[string]any{}
	required := []string{}
	for _, o := range t.options {
		if o.key() == "" {
			continue
		}
		properties[o.key()] = o.schema()
		for _, old := range o.oldKeys() {
			deprecated := o.schema()
			deprecated["deprecated"] = true
			properties[old] = deprecated
		}
		if o.Required {
			required = append(required, o.key())
		}
	}
	schema := map[string]any{
		"type": "object", "properties": properties, "additionalProperties": false,
		"patternProperties": map[string]any{"^" + extension: true},
	}
	if len(required) > 0 {
		schema["required"] = required
	}
	maps.Copy(schema, t.schemaExtra)
	if t.short != "" {
		return map[string]any{"anyOf": []any{schema, t.withKey(t.short).schema()}}
	}
	return schema
}

func (o *row) schema() map[string]any {
	schema := o.Kind.schema(slices.Concat(o.Choices, o.OldChoices))
	if o.Kind == object {
		schema = o.nested.schema()
	}
	_, schema["description"] = o.placeholder()
	return schema
}

func (k Kind) schema(choices []string) map[string]any {
	str := map[string]any{"type": "string"}
	if len(choices) > 0 {
		str["enum"] = choices
	}
	list := map[string]any{"type": "array", "items": str}
	switch k {
	case Digits:
		return map[string]any{"type": []string{"string", "integer"}}
	case Integer:
		return map[string]any{"type": "integer"}
	case Number:
		return map[string]any{"type": "number"}
	case Bool:
		return map[string]any{"type": "boolean"}
	case Strings:
		return list
	case StringOrStrings:
		return map[string]any{"oneOf": []any{str, list}}
	case StringMap:
		return map[string]any{"type": "object", "additionalProperties": str}
	default:
		return str
	}
}
