package engine

import (
	"net/http"
	"os"
	"strings"
)

// looksLike names what a file is that should have been another: servers that are
// not the right ones answer with pages.
func looksLike(f *os.File) string {
	b := make([]byte, 512)
	n, _ := f.ReadAt(b, 0)
	start := strings.ToLower(strings.TrimSpace(string(b[:n])))
	switch {
	case n == 0:
		return "empty"
	case strings.HasPrefix(start, "version https://git-lfs"):
		return "a Git LFS pointer, not the file that it points to"
	case strings.HasPrefix(start, "<?xml"):
		return "an XML document, as stores send for errors"
	case strings.HasPrefix(http.DetectContentType(b[:n]), "text/html"):
		return "an HTML page, as logins and portals send"
	case strings.HasPrefix(start, "{"):
		return "a JSON document"
	default:
		return ""
	}
}
