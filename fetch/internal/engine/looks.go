package engine

import (
	"net/http"
	"os"
	"strings"
)

// looksLike is [Looks] for a file.
func looksLike(f *os.File) string {
	b := make([]byte, 512)
	n, _ := f.ReadAt(b, 0)
	return Looks(b[:n])
}

// Looks names what an object is that should have been another, by its first bytes: servers
// that are not the right ones answer with pages. "" if like nothing known.
func Looks(head []byte) string {
	start := strings.ToLower(strings.TrimSpace(string(head)))
	switch {
	case len(head) == 0:
		return "empty"
	case strings.HasPrefix(start, "version https://git-lfs"):
		return "a Git LFS pointer, not the file that it points to"
	case strings.HasPrefix(start, "<?xml"):
		return "an XML document, as stores send for errors"
	case strings.HasPrefix(http.DetectContentType(head), "text/html"):
		return "an HTML page, as logins and portals send"
	case strings.HasPrefix(start, "{"):
		return "a JSON document"
	default:
		return ""
	}
}
