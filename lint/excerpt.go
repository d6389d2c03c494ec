package lint

import (
	"bytes"
	"strings"

	"github.com/inith/inith/internal/document"
	"github.com/inith/inith/internal/excerpt"
)

// An excerpter shows the lines of findings.
type excerpter struct {
	files map[string]parsed
	shown shown
	path  string // of the file below
	file  *excerpt.File
}

// A parsed file is one with its documents, nil if it cannot be parsed.
type parsed struct {
	data      []byte
	documents []*document.Node
}

// add sets the excerpts of findings, which are in the order of the files.
func (e *excerpter) add(all []Finding) {
	for i := range all {
		f := &all[i]
		if kind, _, _ := strings.Cut(f.Object, "/"); kind == kindSecret {
			continue
		}
		if e.file == nil || e.path != f.Path {
			e.path, e.file = f.Path, e.read(e.files[f.Path])
		}
		f.Excerpt = strings.Join(e.file.Line(f.Line, f.Column), "\n")
	}
}

const kindSecret = "Secret"

func (e *excerpter) read(p parsed) *excerpt.File {
	if p.documents == nil && bytes.Contains(p.data, []byte(kindSecret)) {
		p.data = nil // it may be one
	}
	return excerpt.New(document.YAML, p.data, p.documents, excerpt.Filter{Value: e.shown.value, Word: e.shown.word, Hidden: func(v *document.Node) bool {
		return value{v}.at("kind").text() == kindSecret
	}})
}
