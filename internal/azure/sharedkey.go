package azure

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"slices"
	"strings"
)

// Sign adds the signature of a request without a body to it, with the key of an account. Its headers x-ms-date and x-ms-version
// must be set. [Sign] is a function of its arguments alone.
// https://learn.microsoft.com/en-us/rest/api/storageservices/authorize-with-shared-key
func Sign(req *http.Request, account string, key []byte) {
	mac := hmac.New(sha256.New, key)
	_, _ = mac.Write([]byte(toSign(req, account)))
	req.Header.Set("Authorization", "SharedKey "+account+":"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
}

func toSign(req *http.Request, account string) string {
	lines := []string{req.Method}
	for _, name := range []string{
		"Content-Encoding", "Content-Language", "", "Content-MD5", "Content-Type", "", // neither a length nor a date
		"If-Modified-Since", "If-Match", "If-None-Match", "If-Unmodified-Since", "Range",
	} {
		lines = append(lines, req.Header.Get(name))
	}
	lines = append(lines, sorted(req.Header, "x-ms-")...)
	lines = append(lines, "/"+account+req.URL.EscapedPath())
	return strings.Join(append(lines, sorted(req.URL.Query(), "")...), "\n")
}

// sorted returns the lines of names, in lower case, that begin so.
func sorted(all map[string][]string, prefix string) []string {
	var lines []string
	for name, values := range all {
		if name = strings.ToLower(name); strings.HasPrefix(name, prefix) {
			lines = append(lines, name+":"+strings.Join(values, ","))
		}
	}
	slices.Sort(lines)
	return lines
}
