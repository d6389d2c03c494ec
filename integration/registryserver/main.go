// Command registryserver is the registry of the CNCF's Distribution project in front of a directory, with one user: it stands in the
// tests for registries of images. With --login=token it is the server of tokens too, whose tokens hold for a few seconds.
package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/distribution/distribution/v3/configuration"
	_ "github.com/distribution/distribution/v3/registry/auth/htpasswd" // --login=basic
	"github.com/distribution/distribution/v3/registry/auth/token"
	"github.com/distribution/distribution/v3/registry/handlers"
	_ "github.com/distribution/distribution/v3/registry/storage/driver/filesystem"
	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"golang.org/x/crypto/bcrypt"
)

func main() {
	if err := serve(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

const (
	issuer   = "registryserver"
	service  = "registry.example"
	lifetime = 3 * time.Second
	keyID    = "1"
)

// A user may push and pull.
type user struct{ name, password string }

// serve serves until it is killed.
func serve() error {
	address := flag.String("address", "", "to listen on")
	dir := flag.String("dir", "/tmp/registry", "to keep blobs in")
	login := flag.String("login", "", "basic or token; empty: everybody may push and pull")
	var u user
	flag.StringVar(&u.name, "user", "app", "of the registry")
	flag.StringVar(&u.password, "password", "", "of the user")
	cert := flag.String("cert", "", "certificate; empty: no TLS")
	key := flag.String("key", "", "its key")
	flag.Parse()
	signer, err := writeSecrets(*dir, u)
	if err != nil {
		return err
	}
	config, err := configuration.Parse(strings.NewReader(configOf(*dir, *login)))
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.Handle("/", handlers.NewApp(context.Background(), config))
	mux.HandleFunc("/auth/token", func(w http.ResponseWriter, r *http.Request) { u.serveToken(w, r, signer) })
	server := &http.Server{Addr: *address, Handler: mux, ReadHeaderTimeout: time.Minute}
	if *cert == "" {
		return server.ListenAndServe()
	}
	return server.ListenAndServeTLS(*cert, *key)
}

// configOf returns the configuration of the registry (https://distribution.github.io/distribution/about/configuration/).
func configOf(dir, login string) string {
	config := fmt.Sprintf("version: 0.1\nlog: {level: error, accesslog: {disabled: true}}\nstorage: {filesystem: {rootdirectory: %q}, delete: {enabled: true}}\n", dir)
	switch login {
	case "basic":
		config += fmt.Sprintf("auth: {htpasswd: {realm: registry, path: %q}}\n", filepath.Join(dir, "htpasswd"))
	case "token":
		config += fmt.Sprintf("auth: {token: {realm: 'https://replaced.example', autoredirect: true, service: %s, issuer: %s, jwks: %q}}\n",
			service, issuer, filepath.Join(dir, "keys.json"))
	}
	return config
}

// writeSecrets writes the password of the user, and the key that tokens are signed with, where the registry reads them.
func writeSecrets(dir string, u user) (jose.Signer, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	sum, err := bcrypt.GenerateFromPassword([]byte(u.password), bcrypt.MinCost)
	if err != nil {
		return nil, err
	}
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	public, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: private.Public(), KeyID: keyID, Algorithm: string(jose.ES256), Use: "sig"}}})
	if err != nil {
		return nil, err
	}
	err = errors.Join(
		os.WriteFile(filepath.Join(dir, "htpasswd"), []byte(u.name+":"+string(sum)+"\n"), 0o600),
		os.WriteFile(filepath.Join(dir, "keys.json"), public, 0o600),
	)
	if err != nil {
		return nil, err
	}
	key := jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: private, KeyID: keyID}}
	return jose.NewSigner(key, (&jose.SignerOptions{}).WithType("JWT"))
}

// serveToken gives the user what a scope asks for (https://distribution.github.io/distribution/spec/auth/jwt/).
func (u user) serveToken(w http.ResponseWriter, r *http.Request, signer jose.Signer) {
	name, password, _ := r.BasicAuth()
	scope := strings.Split(r.FormValue("scope"), ":")
	if name != u.name || password != u.password || r.FormValue("service") != service || len(scope) != 3 {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	now := time.Now()
	claims := token.ClaimSet{
		Issuer: issuer, Subject: name, Audience: token.AudienceList{service}, Expiration: now.Add(lifetime).Unix(), NotBefore: now.Add(-time.Minute).Unix(),
		IssuedAt: now.Unix(), JWTID: rand.Text(),
		Access: []*token.ResourceActions{{Type: scope[0], Name: scope[1], Actions: strings.Split(scope[2], ",")}},
	}
	signed, err := jwt.Signed(signer).Claims(claims).Serialize()
	if err != nil {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"token": signed, "expires_in": int(lifetime.Seconds()), "issued_at": now.UTC().Format(time.RFC3339)})
}
