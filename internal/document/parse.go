package document

import (
	"path/filepath"
	"strings"

	"github.com/inith/inith/internal/diag"
)

// A Format is a file format.
type Format string

// The formats. PEM and Text have no tree.
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

// FormatOf returns the format that the name of a file implies.
func FormatOf(path string) Format {
	name := strings.ToLower(filepath.Base(path))
	if name == ".env" || strings.HasPrefix(name, ".env.") {
		return Dotenv
	}
	switch filepath.Ext(name) {
	case ".yaml", ".yml":
		return YAML
	case ".json":
		return JSON
	case ".jsonc":
		return JSONC
	case ".toml":
		return TOML
	case ".env":
		return Dotenv
	case ".pem", ".crt", ".key":
		return PEM
	default:
		return Text
	}
}

// Options control how a file is read.
type Options struct {
	YAML11    bool // also find what a YAML 1.1 parser reads differently
	Templates bool // the file contains templates intentionally: ignore them
}

// MaxDepth is the maximum nesting of values.
const MaxDepth = 500

// Parse reads a file into its documents (only YAML has more than one) and returns its findings in file order, at most
// a thousand. The documents are nil if the file is not well-formed, in which case a finding says so, or if the format
// has no structure. For a YAML file without documents they are empty, but not nil.
//
// Time and memory are bounded by the size of data, whatever it holds.
func Parse(format Format, data []byte, o Options) ([]*Node, []*diag.Error) {
	r := &reading{source: newSource(data), options: o}
	if !r.checkBytes() {
		return nil, r.findings
	}
	documents := r.parse(format)
	if !o.Templates {
		r.findTemplates(format, documents)
	}
	return documents, diag.Compact(r.findings)
}

// A reading is the state of reading a file, with its findings so far.
type reading struct {
	source   *source
	options  Options
	findings []*diag.Error

	values  int    // number of checks
	spare   []Node // for the next ones
	members int    // of the largest TOML table
}

func (r *reading) parse(format Format) []*Node {
	var documents []*Node
	ok := true
	switch format {
	case YAML:
		documents, ok = r.parseYAML()
	case JSON, JSONC:
		documents, ok = r.parseJSON(format == JSONC)
	case TOML:
		documents, ok = r.parseTOML()
	case Dotenv:
		documents, ok = r.parseDotenv()
	case KubeEnv:
		documents, ok = r.parseKubeEnv()
	case PEM, Text:
	}
	if !ok {
		return nil
	}
	return documents
}

// maxFindings is the maximum number of findings for a file.
const maxFindings = 1000

func (r *reading) add(at diag.Position, rule, message, hint string) {
	if len(r.findings) >= maxFindings {
		return
	}
	r.findings = append(r.findings, &diag.Error{Position: at, Code: rule, Message: message, Hint: hint})
}
