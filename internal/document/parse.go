package document

import (
	"path/filepath"
	"strings"

	"github.com/inith/inith/internal/diag"
)

// A Format is what a file is written in.
type Format string

// The formats. PEM and Text have no tree.
const (
	YAML   Format = "yaml"
	JSON   Format = "json"
	JSONC  Format = "jsonc" // JSON with comments and trailing commas
	TOML   Format = "toml"
	Dotenv Format = "dotenv"
	PEM    Format = "pem"
	Text   Format = "text"
)

// FormatOf returns the format that the name of a file tells.
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

// Options are what a file is read for. The zero value reads it as its format
// says.
type Options struct {
	YAML11    bool // find also what a parser of YAML 1.1 reads in another way
	Templates bool // the file holds templates on purpose: find no unrendered ones
}

// MaxDepth is how deep values may nest.
const MaxDepth = 500

// Parse reads a file into its documents, which only YAML has more than one of,
// and finds what is wrong with it, in the order of the file, up to a thousand
// times. The documents are nil if the file is not well-formed, which a finding then says, or if its format
// has no structure; they are empty, not nil, if a YAML file holds none.
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

// A reading is a file that is being read, and what was found in it so far.
type reading struct {
	source   *source
	options  Options
	findings []*diag.Error

	values  int    // that were made
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
	case PEM, Text:
	}
	if !ok {
		return nil
	}
	return documents
}

// maxFindings is how many findings of a file are told.
const maxFindings = 1000

func (r *reading) add(at diag.Position, rule, message, hint string) {
	if len(r.findings) >= maxFindings {
		return
	}
	r.findings = append(r.findings, &diag.Error{Position: at, Code: rule, Message: message, Hint: hint})
}
