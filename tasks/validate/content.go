package validate

import (
	"strings"

	"github.com/inith/inith/internal/document"
	"github.com/inith/inith/internal/suggest"
)

// ContentRules are the rules of the checks of content.
func ContentRules() []document.Rule {
	return []document.Rule{
		{Name: "required-key", Means: "a key that `require` names is missing"},
		{Name: "null-value", Means: "a key that `require` names has no value"},
		{Name: "empty-value", Means: "a key that `require` names has an empty value"},
		{Name: "placeholder", Means: "a value is one that somebody was meant to replace, such as changeme"},
		{Name: "forbidden-key", Means: "a key that `forbid` names is there"},
		{Name: "one-of", Means: "none, or more than one, of the keys that `oneOf` names is there"},
		{Name: "wrong-type", Means: "a value does not have the type that `types` says"},
		{Name: "schema", Means: "a value is not as the JSON Schema wants it"},
		{Name: "assertion", Means: "an assertion does not hold, or a key that it names is missing"},
	}
}

// problemAt returns a problem with a value.
func problemAt(in Input, n *document.Node, rule, message, hint string) Problem {
	p := Problem{Path: in.Path, Rule: rule, Message: message, Hint: hint}
	if n != nil {
		p.Line, p.Column = n.Line, n.Column
	}
	return p
}

// find returns where a path leads in the documents of a file: in the first that
// has it, else how far it leads in the first of all.
func find(in Input, path document.Path) document.Place {
	var first document.Place
	for i, root := range in.Documents {
		place := path.Find(root)
		if place.Value != nil {
			return place
		}
		if i == 0 {
			first = place
		}
	}
	return first
}

// missing returns the problem that a path leads nowhere.
func missing(in Input, path document.Path, place document.Place) Problem {
	if place.Last == nil {
		return problemAt(in, nil, "required-key", path.String()+" is missing: the file has no values", "")
	}
	at, message := gap(place)
	return problemAt(in, at, "required-key", message, "")
}

// gap returns the value that should have a key, and says that it has none.
func gap(place document.Place) (*document.Node, string) {
	switch {
	case place.Last.Kind == document.Mapping && place.Key != "":
		return place.Last, place.Wanted + " is missing" + didYouMean(place)
	case place.Last.Kind == document.Sequence && place.Key == "":
		return place.Last, place.Wanted + " is missing: the list ends before it"
	}
	want := "a mapping"
	if place.Key == "" {
		want = "a list"
	}
	at := place.Reached
	if at == "" {
		at = "the file"
	}
	return place.Last, place.Wanted + " is missing: " + at + " is " + kindOf(place.Last) + ", not " + want
}

// didYouMean names a key that the mapping has and that is nearly the one that is
// missing, if it looks like one.
func didYouMean(place document.Place) string {
	var known []string
	for _, m := range place.Last.Members {
		if key := m.Key.Text; len(key) <= 40 && isWord(key) {
			known = append(known, key)
		}
	}
	if len(place.Key) > 40 {
		return ""
	}
	return suggest.DidYouMean(place.Key, known)
}

// isWord reports whether s has only what names of keys are made of.
func isWord(s string) bool {
	return s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.") == ""
}

// kindOf names the type of a value.
func kindOf(n *document.Node) string {
	return [...]string{"null", "a bool", "a whole number", "a number", "a string", "a list", "a mapping"}[n.Kind]
}
