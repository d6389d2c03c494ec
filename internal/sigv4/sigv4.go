// Package sigv4 signs requests to S3, by signature version 4 of AWS. [Sign] is a function of its arguments alone: it reads
// neither the clock nor the environment, and a secret is in nothing that it returns.
//
// https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
package sigv4

import (
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Credentials are those of a user or a role.
type Credentials struct {
	KeyID  string
	Secret string
	Token  string // of a session, "" if there is none
}

// A Scope is what a signature holds for.
type Scope struct {
	Region  string
	Service string // "" is s3
	Time    time.Time
	Payload string // SHA-256 of the body in hexadecimal, or a word such as UNSIGNED-PAYLOAD; "" is that of no body
}

const (
	algorithm = "AWS4-HMAC-SHA256"
	noBody    = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	stamp     = "20060102T150405Z"
	day       = "20060102"
)

// Sign adds to a request the headers X-Amz-Date, X-Amz-Content-Sha256, X-Amz-Security-Token and Authorization. It signs all
// headers that the request has, but User-Agent, which a proxy may change. The path is encoded once, as S3 wants it: other
// services of AWS want it encoded twice.
func Sign(req *http.Request, c Credentials, s Scope) {
	s.Service, s.Payload, s.Time = cmp.Or(s.Service, "s3"), cmp.Or(s.Payload, noBody), s.Time.UTC()
	req.Header.Set("X-Amz-Date", s.Time.Format(stamp))
	req.Header.Set("X-Amz-Content-Sha256", s.Payload)
	if c.Token != "" {
		req.Header.Set("X-Amz-Security-Token", c.Token)
	}
	names, headers := canonicalHeaders(req)
	canonical := strings.Join([]string{req.Method, canonicalPath(req.URL), canonicalQuery(req.URL), headers, names, s.Payload}, "\n")
	toSign := strings.Join([]string{algorithm, s.Time.Format(stamp), s.scope(), hash(canonical)}, "\n")
	signature := hex.EncodeToString(mac(s.key(c.Secret), toSign))
	req.Header.Set("Authorization", algorithm+" Credential="+c.KeyID+"/"+s.scope()+",SignedHeaders="+names+",Signature="+signature)
}

// scope returns what the key of a signature is derived for.
func (s Scope) scope() string {
	return strings.Join([]string{s.Time.Format(day), s.Region, s.Service, "aws4_request"}, "/")
}

func (s Scope) key(secret string) []byte {
	key := []byte("AWS4" + secret)
	for part := range strings.SplitSeq(s.scope(), "/") {
		key = mac(key, part)
	}
	return key
}

// canonicalHeaders returns the names of the headers to sign, and a line for each.
func canonicalHeaders(req *http.Request) (names, lines string) {
	values := map[string]string{"host": cmp.Or(req.Host, req.URL.Host)}
	for name, all := range req.Header {
		if name != "User-Agent" && name != "Authorization" {
			values[strings.ToLower(name)] = joined(all)
		}
	}
	sorted := make([]string, 0, len(values))
	for name := range values {
		sorted = append(sorted, name)
	}
	slices.Sort(sorted)
	for _, name := range sorted {
		lines += name + ":" + values[name] + "\n"
	}
	return strings.Join(sorted, ";"), lines
}

// joined returns the values of a header, with single spaces.
func joined(values []string) string {
	var trimmed []string
	for _, v := range values {
		trimmed = append(trimmed, strings.Join(strings.Fields(v), " "))
	}
	return strings.Join(trimmed, ",")
}

// canonicalPath returns the path with every byte encoded but those that need none, and slashes.
func canonicalPath(u *url.URL) string {
	return cmp.Or(Escape(u.Path, true), "/")
}

// canonicalQuery returns the query sorted by encoded key, then by encoded value.
func canonicalQuery(u *url.URL) string {
	var pairs []string
	for key, values := range u.Query() {
		for _, v := range values {
			pairs = append(pairs, Escape(key, false)+"="+Escape(v, false))
		}
	}
	slices.Sort(pairs)
	return strings.Join(pairs, "&")
}

// Escape percent-encodes a string as the signature does, which a request must send alike: all bytes but letters, digits and
// "-._~", and "/" if slashes stay. [url.PathEscape] leaves "$", "&", "+", "=", ":" and "@".
func Escape(s string, slashes bool) string {
	const hexadecimal = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', strings.IndexByte("-._~", c) >= 0, c == '/' && slashes:
			b.WriteByte(c)
		default:
			b.Write([]byte{'%', hexadecimal[c>>4], hexadecimal[c&0xf]})
		}
	}
	return b.String()
}

func mac(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	_, _ = h.Write([]byte(text))
	return h.Sum(nil)
}

func hash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}
