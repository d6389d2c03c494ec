package google

import (
	"cmp"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"time"

	"github.com/inith/inith/internal/login"
)

const oauthServer = "https://oauth2.googleapis.com/token"

// byKey asks for a token of a service account, by a statement that its key signs (RFC 7523).
// https://developers.google.com/identity/protocols/oauth2/service-account#authorizingrequests
func (l *finder) byKey(ctx context.Context, what string, f file) (*login.Found, error) {
	to := cmp.Or(f.TokenURI, oauthServer)
	assertion, err := sign(f, to, time.Now())
	if err != nil {
		return nil, login.Final("write the file as Google Cloud gives it", "%s has no valid private_key or client_email: %v", what, err)
	}
	return l.post(ctx, "the token server of Google", to,
		"grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion", assertion)
}

// sign returns a statement that holds for a server, for an hour (RFC 7515, RFC 7519).
func sign(f file, audience string, now time.Time) (string, error) {
	key, err := parseKey(f.PrivateKey)
	if err != nil {
		return "", err
	}
	if f.ClientEmail == "" {
		return "", errors.New("client_email is missing")
	}
	header := `{"alg":"RS256","typ":"JWT","kid":` + quote(f.PrivateKeyID) + "}"
	claims := fmt.Sprintf(`{"iss":%s,"scope":%q,"aud":%s,"iat":%d,"exp":%d}`,
		quote(f.ClientEmail), Scope, quote(audience), now.Unix(), now.Add(time.Hour).Unix())
	text := base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + base64.RawURLEncoding.EncodeToString([]byte(claims))
	sum := sha256.Sum256([]byte(text))
	signature, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
	return text + "." + base64.RawURLEncoding.EncodeToString(signature), err
}

// quote returns a string of JSON.
func quote(s string) string {
	b, _ := json.Marshal(s) // a string always is one
	return string(b)
}

// parseKey reads a key in PEM, of PKCS #8 or PKCS #1. Its errors quote nothing of it.
func parseKey(text string) (*rsa.PrivateKey, error) {
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return nil, errors.New("the key is not PEM")
	}
	if key, err := x509.ParsePKCS1PrivateKey(block.Bytes); err == nil {
		return key, nil
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	private, ok := key.(*rsa.PrivateKey)
	if err != nil || !ok {
		return nil, errors.New("the key is not one of RSA")
	}
	return private, nil
}

// byRefresh asks for a token of a user who has logged in by gcloud (RFC 6749, section 6).
func (l *finder) byRefresh(ctx context.Context, what string, f file) (*login.Found, error) {
	if f.RefreshToken == "" {
		return nil, login.Final("run gcloud auth application-default login", "%s has no refresh_token", what)
	}
	return l.post(ctx, "the token server of Google", cmp.Or(f.TokenURI, oauthServer),
		"grant_type", "refresh_token", "client_id", f.ClientID, "client_secret", f.ClientSecret, "refresh_token", f.RefreshToken)
}
