package lint

import (
	"bytes"
	"cmp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/inith/inith/internal/diag"
)

// An Edit replaces a part of a line, and keeps everything else of the file: comments, order and layout.
type Edit struct {
	Line, Column int    // from 1, in characters
	Old, New     string // Old is not empty; an edit does nothing where the file has something else
}

// exists reports whether the edit is not the zero value.
func (e Edit) exists() bool { return e.Old != "" }

// Fix returns a file with the edits of its findings, and how many there are. It leaves out an edit after which the file
// would not have fewer findings, or a rule would have more. A second Fix changes nothing.
func (l Linter) Fix(f File) (fixed []byte, edits int) {
	l.Excerpts = false
	for report := l.Lint(f); ; {
		result, applied, after := l.apply(f, report, editsOf(report))
		if applied == 0 {
			return f.Data, edits
		}
		f.Data, report, edits = result, after, edits+applied
	}
}

// with returns the file with other content.
func (f File) with(data []byte) File {
	f.Data = data
	return f
}

// editsOf returns the edits of all findings in the order of the file, without those that would overlap.
func editsOf(r Report) []Edit {
	var all []Edit
	for _, f := range r.Findings {
		if f.Edit.exists() {
			all = append(all, f.Edit)
		}
	}
	slices.SortFunc(all, func(a, b Edit) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return slices.CompactFunc(all, func(next, last Edit) bool {
		return next.Line == last.Line && next.Column < last.Column+utf8.RuneCountInString(last.Old)
	})
}

// apply makes the edits, or, if the file would not be better, those of its halves that make it better. The last edits
// come first, since they do not move what is before them.
func (l Linter) apply(f File, before Report, edits []Edit) (fixed []byte, applied int, after Report) {
	if len(edits) == 0 {
		return f.Data, 0, before
	}
	if fixed, applied := applyAll(f.Data, edits); applied > 0 {
		if after = l.Lint(f.with(fixed)); after.isBetterThan(before) {
			return fixed, applied, after
		}
	}
	if len(edits) == 1 {
		return f.Data, 0, before
	}
	half := len(edits) / 2
	fixed, last, after := l.apply(f, before, edits[half:])
	fixed, first, after := l.apply(f.with(fixed), after, edits[:half])
	return fixed, first + last, after
}

// applyAll makes edits, which are in the order of the file, and counts them.
func applyAll(data []byte, edits []Edit) (fixed []byte, applied int) {
	all := lines{data: data}
	var b bytes.Buffer
	done := 0
	for _, e := range edits {
		start := all.offset(diag.Position{Line: e.Line, Column: e.Column})
		if start < done || !bytes.HasPrefix(data[start:], []byte(e.Old)) {
			continue
		}
		b.Write(data[done:start])
		b.WriteString(e.New)
		done, applied = start+len(e.Old), applied+1
	}
	b.Write(data[done:])
	return b.Bytes(), applied
}

// isBetterThan reports whether a file has the same objects and fewer findings, and no rule has more of them.
func (r Report) isBetterThan(before Report) bool {
	if r.Objects != before.Objects || r.Pods != before.Pods || len(r.Findings) >= len(before.Findings) {
		return false
	}
	more := map[string]int{} // by rule
	for _, f := range r.Findings {
		more[f.Rule]++
	}
	for _, f := range before.Findings {
		more[f.Rule]--
	}
	for _, n := range more {
		if n > 0 {
			return false
		}
	}
	return true
}

// replace returns the edit that replaces what stands at a value.
func (v value) replace(before, after string) Edit {
	at := v.node.Position()
	return Edit{at.Line, at.Column, before, after}
}

// retype returns the edit that adds quotes to a scalar, or removes them, so that it is of a type.
func (p *Pod) retype(v value, typ string) Edit {
	text, raw := v.text(), p.lines.from(v.node.Position())
	if typ == "string" && text != "" && strings.HasPrefix(raw, text) && !strings.ContainsAny(text, `"\`) {
		return v.replace(text, `"`+text+`"`)
	}
	isNumber := typ == "int" && text != "" && strings.Trim(text, "0123456789") == "" && (text[0] != '0' || text == "0")
	isBool := typ == "bool" && (text == "true" || text == "false")
	for _, quote := range []string{`"`, `'`} {
		if quoted := quote + text + quote; (isNumber || isBool) && strings.HasPrefix(raw, quoted) {
			return v.replace(quoted, text)
		}
	}
	return Edit{}
}

// setReadOnly returns the edit that makes a volume mount read-only: what it says, or a key after its path.
func (p *Pod) setReadOnly(mount value) Edit {
	if set := mount.at("readOnly"); set.node != nil {
		return set.replace("false", "true")
	}
	path := mount.at("mountPath")
	if path.node == nil {
		return Edit{}
	}
	at := path.node.Position()
	raw := p.lines.from(at)
	if strings.HasPrefix(p.lines.from(mount.node.Position()), "{") {
		for _, written := range []string{`"` + path.text() + `"`, `'` + path.text() + `'`, path.text()} {
			if strings.HasPrefix(raw, written) {
				return path.replace(written, written+", "+p.key(mount, "readOnly")+": true")
			}
		}
		return Edit{}
	}
	end := "\n"
	if p.lines.hasCarriageReturn(at.Line) {
		end = "\r\n"
	}
	indentation := strings.Repeat(" ", mount.node.Position().Column-1)
	return path.replace(raw, raw+end+indentation+"readOnly: true")
}

// key returns a key as those of a mapping are written: in quotes, or without.
func (p *Pod) key(mapping value, name string) string {
	if strings.HasPrefix(p.lines.from(mapping.node.Members[0].Key.Position()), `"`) {
		return `"` + name + `"`
	}
	return name
}

// rename returns the edit that replaces a key.
func (p *Pod) rename(key value, name string) Edit {
	if strings.HasPrefix(p.lines.from(key.node.Position()), `"`) {
		return key.replace(`"`+key.text()+`"`, `"`+name+`"`)
	}
	return key.replace(key.text(), name)
}
