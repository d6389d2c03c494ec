package validate

import (
	"strings"

	"github.com/inith/inith/internal/diag"
	"github.com/inith/inith/internal/document"
	"github.com/inith/inith/internal/suggest"
)

// problemAt returns a problem with a value.
func problemAt(in Input, n *document.Node, rule, message, hint string) Problem {
	e := &diag.Error{Code: rule, Message: message, Hint: hint}
	if n != nil {
		e.Position = n.Position()
	}
	e.File = in.Path
	return problemOf(e)
}

// find follows a path in the documents of a file. It returns the result of the first document that has the value,
// else that of the first document.
func find(in Input, path document.Path) document.Found {
	var first document.Found
	for i, root := range in.documents {
		found := path.Find(root)
		if found.Value != nil {
			return found
		}
		if i == 0 {
			first = found
		}
	}
	return first
}

// missing returns the problem that a path leads to nothing.
func missing(in Input, path document.Path, found document.Found) Problem {
	if found.Last == nil {
		return problemAt(in, nil, "required-key", path.String()+" is missing: the file has no values", "")
	}
	at, message := whyMissing(found)
	return problemAt(in, at, "required-key", message, "")
}

// whyMissing returns the value that should have a key, and a message that it lacks the key.
func whyMissing(found document.Found) (*document.Node, string) {
	switch {
	case found.Last.Kind == document.Mapping && found.Key != "":
		return found.Last, found.Wanted + " is missing" + didYouMean(found)
	case found.Last.Kind == document.Sequence && found.Key == "":
		return found.Last, found.Wanted + " is missing: the list ends before it"
	}
	want := "a mapping"
	if found.Key == "" {
		want = "a list"
	}
	at := found.Reached
	if at == "" {
		at = "the file"
	}
	return found.Last, found.Wanted + " is missing: " + at + " is " + kindOf(found.Last) + ", not " + want
}

// didYouMean suggests a similar key of the mapping, if it looks like a key.
func didYouMean(found document.Found) string {
	var known []string
	for _, m := range found.Last.Members {
		if key := m.Key.Text; len(key) <= 40 && isWord(key) && !m.Value.Inherited() {
			known = append(known, key)
		}
	}
	if len(found.Key) > 40 {
		return ""
	}
	return suggest.DidYouMean(found.Key, known)
}

// isWord reports whether s has only what names of keys are made of.
func isWord(s string) bool {
	return s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.") == ""
}

// kindOf returns the type of a value for a message.
func kindOf(n *document.Node) string {
	return [...]string{"null", "a boolean", "an integer", "a number", "a string", "a list", "a mapping"}[n.Kind]
}
