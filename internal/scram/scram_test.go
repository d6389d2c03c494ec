package scram_test

import (
	"crypto/sha1"
	"crypto/sha256"
	"hash"
	"strings"
	"testing"

	"github.com/inith/inith/internal/scram"
)

// TestExamples has the exchanges of RFC 5802, section 5, and RFC 7677, section 3.
func TestExamples(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		hash                                          func() hash.Hash
		nonce, first, serverFirst, final, serverFinal string
	}{
		"SHA-1": {
			sha1.New, "fyko+d2lbbFgONRv9qkxdawL", "n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL",
			"r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096",
			"c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
			"v=rmF9pqV8S7suAoZWja4dJRkFsKQ=",
		},
		"SHA-256": {
			sha256.New, "rOprNGfwEbeRWgbNEkqO", "n,,n=user,r=rOprNGfwEbeRWgbNEkqO",
			"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
			"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
			"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
		},
	} {
		c := scram.NewClient(tt.hash, "user", "pencil")
		c.SetNonce(tt.nonce)
		if got := c.First(); got != tt.first {
			t.Errorf("%s: first %s, want %s", name, got, tt.first)
		}
		if got, err := c.Final(tt.serverFirst); got != tt.final || err != nil {
			t.Errorf("%s: final %s, %v, want %s", name, got, err, tt.final)
		}
		if err := c.Verify(tt.serverFinal); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for _, other := range []string{"", "v=", "e=other-error", "v=!", strings.Replace(tt.serverFinal, "v=", "v=AAAA", 1)} {
			if err := c.Verify(other); err == nil {
				t.Errorf("%s: %q is accepted", name, other)
			}
		}
	}
}

// TestServerFirst has messages that would make a login weak, endless or another's.
func TestServerFirst(t *testing.T) {
	t.Parallel()
	for _, message := range []string{
		"", "r=nonce", "r=nonceX,s=AAAA", "r=nonce,s=AAAA,i=4096", "r=otherX,s=AAAA,i=4096", "r=nonceX,s=!,i=4096", "r=nonceX,s=AAAA,i=x",
		"r=nonceX,s=AAAA,i=1", "r=nonceX,s=AAAA,i=999999999", "r=nonceX,i=4096,s=AAAA", "m=ext,r=nonceX,s=AAAA,i=4096", "e=other-error",
	} {
		c := scram.NewClient(sha256.New, "user", "s3cr3t")
		c.SetNonce("nonce")
		if got, err := c.Final(message); err == nil || strings.Contains(err.Error(), "s3cr3t") {
			t.Errorf("%q: %q, %v", message, got, err)
		}
		if err := c.Verify("v="); err == nil {
			t.Errorf("%q: a server without a proof is accepted", message)
		}
	}
}

// TestUserIsEscaped has a name with the separators of attributes (RFC 5802, section 5.1).
func TestUserIsEscaped(t *testing.T) {
	t.Parallel()
	c := scram.NewClient(sha256.New, "a=b,c", "")
	c.SetNonce("x")
	if got, want := c.First(), "n,,n=a=3Db=2Cc,r=x"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
