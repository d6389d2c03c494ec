// Package mask removes secrets from the copies of requests and answers that are recorded: before anything is written, never
// from what client and server get. What it cannot parse it does not return.
package mask

import "strings"

// A Masker knows what is secret. It can be used concurrently.
type Masker struct {
	names map[string]bool // of fields, normalized
	paths [][]string      // of fields, from the root of a document; "*" is any one key or index

	detectors []detector
	traits    [256]trait // of bytes
}

// New returns a masker of the fields that usually hold secrets, and of others: a name, or a path such as user.*.address.
func New(fields []string) *Masker {
	m := &Masker{names: usualNames(), detectors: detectors(), traits: traits()}
	for _, f := range fields {
		if strings.Contains(f, ".") {
			m.paths = append(m.paths, strings.Split(f, "."))
		} else {
			m.names[normalize(f)] = true
		}
	}
	return m
}

// A Pass masks the parts of one record, and counts what it has masked.
type Pass struct {
	m      *Masker
	Counts map[string]int // by the reason; nil if nothing was masked
}

// Begin begins a record.
func (m *Masker) Begin() *Pass { return &Pass{m: m} }

// mark counts a secret, and returns what stands in its place.
func (p *Pass) mark(reason string) string {
	if p.Counts == nil {
		p.Counts = map[string]int{}
	}
	p.Counts[reason]++
	return "[REDACTED:" + reason + "]"
}

// Text returns a string without what the detectors find in it.
func (p *Pass) Text(s string) string {
	has := p.m.traitsOf(s)
	for _, d := range p.m.detectors {
		if has&d.wants != d.wants || d.maybe != nil && !d.maybe(s) {
			continue
		}
		if masked := d.mask(p, s); masked != s {
			s, has = masked, p.m.traitsOf(masked)
		}
	}
	return s
}

// Header returns the value of a header.
func (p *Pass) Header(name, value string) string {
	if isSecretHeader(name) || p.m.isSecret(name) {
		return p.mark("header")
	}
	return p.Text(value)
}

// isSecretHeader knows headers whose names do not tell.
func isSecretHeader(name string) bool {
	switch strings.ToLower(name) {
	case "authorization", "proxy-authorization", "cookie", "set-cookie", "x-api-key", "api-key", "x-auth-token", "x-amz-security-token",
		"x-forwarded-access-token", "x-csrf-token", "x-goog-api-key", "x-vault-token", "www-authenticate", "authentication-info":
		return true
	}
	return false
}
