package validate

import (
	"context"

	"github.com/inith/inith/internal/document"
	"github.com/inith/inith/tasks/validate/internal/assert"
	"github.com/inith/inith/tasks/validate/internal/schema"
)

// A Format is what a file is written in.
type Format string

// The formats. In PEM and Text, values have no keys.
const (
	YAML    Format = "yaml"
	JSON    Format = "json"
	JSONC   Format = "jsonc" // JSON with comments and trailing commas
	TOML    Format = "toml"
	Dotenv  Format = "dotenv"   // as Docker Compose reads it
	KubeEnv Format = "kube-env" // as the kubelet reads it for fileKeyRef
	PEM     Format = "pem"
	Text    Format = "text"
)

// FormatNames returns the names of all formats.
func FormatNames() []string {
	return []string{"yaml", "json", "jsonc", "toml", "dotenv", "kube-env", "pem", "text"}
}

// FormatOf returns the format that the name of a file implies, [Text] if it implies none.
func FormatOf(path string) Format { return Format(document.FormatOf(path)) }

// An Input is a file that was read.
type Input struct {
	Path string
	Data []byte

	documents []*document.Node // nil if the file has no structure, or could not be parsed
}

// NewInput returns the input that data is in a format.
func NewInput(path string, format Format, data []byte) Input {
	documents, _ := document.Parse(document.Format(format), data, document.Options{})
	return Input{Path: path, Data: data, documents: documents}
}

// Parsed reports whether the file has a structure and could be parsed.
func (in Input) Parsed() bool { return in.documents != nil }

// Find returns the value that a path leads to, in the first document that has it.
func (in Input) Find(p Path) (Value, bool) {
	n := find(in, p.path).Value
	return Value{n}, n != nil
}

// A Path names a value: server.port, models[0].path, labels."app.kubernetes.io/name".
type Path struct{ path document.Path }

// ParsePath reads a path. Its error says where the path is wrong, and quotes nothing.
func ParsePath(text string) (Path, error) {
	p, err := document.ParsePath(text)
	return Path{p}, err
}

// String returns the path as it was written.
func (p Path) String() string { return p.path.String() }

// A Value is one in a file.
type Value struct{ node *document.Node }

// Position returns where the value begins: line and column, from 1.
func (v Value) Position() (line, column int) {
	at := v.node.Position()
	return at.Line, at.Column
}

// Is reports whether the value has a type.
func (v Value) Is(t Type) bool { return t.has(v.node.TypedKind()) }

// Text returns the content of a string, or the text of another scalar. It may be a secret: never put it into a
// message.
func (v Value) Text() string { return v.node.Text }

// An Assertion is what must hold for a file, such as server.port in 1..65535. It is safe for concurrent use.
type Assertion struct{ assertion *assert.Assertion }

// ParseAssertion reads an assertion. Its error says where it is wrong, and quotes nothing.
func ParseAssertion(text string) (Assertion, error) {
	a, err := assert.Parse(text)
	return Assertion{a}, err
}

// A Schema requires all documents of a file to be valid against a JSON Schema; a file without documents is null. The zero
// value accepts everything.
type Schema struct{ schema *schema.Schema }

// ErrTooComplex is the error of a [Schema] that refers to itself without end, or takes too many steps.
var ErrTooComplex = schema.ErrTooComplex

// CompileSchema reads a JSON Schema of draft 4, 6, 7, 2019-09 or 2020-12 from a file in JSON or YAML. Its error joins one for each
// problem; it wraps that of the file system if the file cannot be read.
func CompileSchema(file string) (Schema, error) {
	s, err := schema.CompileFile(file)
	return Schema{s}, err
}

// Check implements [Check]. Its error is [ErrTooComplex].
func (s Schema) Check(_ context.Context, in Input) ([]Problem, error) {
	if s.schema == nil {
		return nil, nil
	}
	documents := in.documents
	if in.Parsed() && len(documents) == 0 {
		documents = []*document.Node{{Kind: document.Null}} // a schema may not want it
	}
	var problems []Problem
	for _, root := range documents {
		violations, err := s.schema.Validate(root)
		if err != nil {
			return nil, err
		}
		for _, v := range violations {
			v.File, v.Message, v.Code = in.Path, v.Message+" ("+v.Code+")", "schema"
			problems = append(problems, problemOf(v))
		}
	}
	return problems, nil
}
