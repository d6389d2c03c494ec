package option

import (
	"encoding/json"
	"maps"
	"strings"
)

// Schema returns the JSON Schema (draft 2020-12) of a file that is one mapping.
func Schema[T any](title string, table Table[T]) []byte {
	return document(title, table.schema())
}

// ListSchema returns the JSON Schema (draft 2020-12) of a file that is a list of
// mappings.
func ListSchema[T any](title string, table Table[T]) []byte {
	return document(title, map[string]any{"type": "array", "items": table.schema()})
}

func document(title string, schema map[string]any) []byte {
	schema["$schema"], schema["title"] = "https://json-schema.org/draft/2020-12/schema", title
	b, _ := json.MarshalIndent(schema, "", "  ")
	return append(b, '\n')
}

func (t Table[T]) schema() map[string]any {
	properties := map[string]any{}
	required := []string{}
	for _, k := range t.Keys {
		properties[k.Name] = k.schema()
		if k.Required {
			required = append(required, k.Name)
		}
	}
	schema := map[string]any{"type": "object", "properties": properties, "additionalProperties": false}
	if len(required) > 0 {
		schema["required"] = required
	}
	maps.Copy(schema, t.Schema)
	if t.Short != "" {
		return map[string]any{"anyOf": []any{schema, t.key(t.Short).schema()}}
	}
	return schema
}

func (k *Key[T]) schema() map[string]any {
	schema := k.Kind.schema(k.Choices)
	if k.Kind == object {
		schema = k.nested.schema()
	}
	schema["description"] = k.Usage
	return schema
}

func (k Kind) schema(choices []string) map[string]any {
	text := map[string]any{"type": "string"}
	if len(choices) > 0 {
		text["enum"] = choices
	}
	list := map[string]any{"type": "array", "items": text}
	switch k {
	case Digits:
		return map[string]any{"type": []string{"string", "integer"}}
	case Number:
		return map[string]any{"type": "integer"}
	case Bool:
		return map[string]any{"type": "boolean"}
	case Decimal:
		return map[string]any{"type": "number"}
	case Texts:
		return list
	case TextOrTexts:
		return map[string]any{"oneOf": []any{text, list}}
	case TextMap:
		return map[string]any{"type": "object", "additionalProperties": text}
	default:
		return text
	}
}

func (t Table[T]) names() []string {
	var names []string
	for _, k := range t.Keys {
		names = append(names, k.Name)
	}
	return names
}

// examples are the first keys, for a message.
func (t Table[T]) examples() string {
	names := t.names()
	return strings.Join(names[:min(2, len(names))], " and ")
}
