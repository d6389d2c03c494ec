package schema

import (
	"embed"
	"strings"
)

//go:embed metaschemas
var metaschemas embed.FS

// metaschema returns the schema of a draft, or a part of it, which a schema of schemas refers to; nil if the URI is
// another one.
func metaschema(uri string) (data []byte, name string) {
	_, path, _ := strings.Cut(uri, "://")
	path, ok := strings.CutPrefix(path, "json-schema.org/")
	if !ok {
		return nil, ""
	}
	name = "metaschemas/" + path + ".json"
	data, err := metaschemas.ReadFile(name)
	if err != nil {
		return nil, ""
	}
	return data, name
}
