package validate

import (
	"github.com/inith/inith/internal/diag"
	"github.com/inith/inith/internal/document"
)

// noConfiguration finds a YAML file that is well-formed only because YAML reads almost any text as a string: an HTML page,
// a Git LFS pointer, the answer "404: Not Found" of a server.
func noConfiguration(path string, format document.Format, documents []*document.Node) []*diag.Error {
	if format != document.YAML || len(documents) != 1 {
		return nil
	}
	root := documents[0]
	var message string
	switch {
	case root.Kind == document.String:
		message = "the file is a single string, not a mapping or a list"
	case isHTTPError(root):
		message = "the file is an HTTP error"
	default:
		return nil
	}
	e := inFile(path, ruleScalar, message, "check where it comes from: it may be an error page or a Git LFS pointer")
	e.Line, e.Column = root.Position().Line, root.Position().Column
	return []*diag.Error{e}
}

// isHTTPError reports whether a document is such as "404: Not Found".
func isHTTPError(root *document.Node) bool {
	if len(root.Members) != 1 {
		return false
	}
	key, value := root.Members[0].Key, root.Members[0].Value
	return key.Kind == document.Int && len(key.Text) == 3 && (key.Text[0] == '4' || key.Text[0] == '5') && value.Kind == document.String
}
