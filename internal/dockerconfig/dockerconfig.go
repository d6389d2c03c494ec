// Package dockerconfig reads credentials for registries from a config.json of Docker's programs, which is also what a
// Secret of the type kubernetes.io/dockerconfigjson has. Errors quote nothing of it.
//
// https://docs.docker.com/reference/cli/docker/login/#credential-stores
// https://kubernetes.io/docs/concepts/containers/images/#config-json
package dockerconfig

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/inith/inith/internal/credentials"
	"github.com/inith/inith/internal/usererr"
)

// A Login is what a registry is shown. The zero Login is none.
type Login struct {
	Username, Password string
	IdentityToken      string // for which the login of the registry gives tokens; instead of both
	RegistryToken      string // for the registry itself; instead of all others
}

// config is what is read of the file.
type config struct {
	Auths       map[string]entry
	CredHelpers map[string]string // names of programs, by registry
	CredsStore  string            // name of a program
}

type entry struct {
	Auth               string // base64 of user:password
	Username, Password string
	IdentityToken      string
	RegistryToken      string
}

// Find returns the login for a repository of a registry, which is a host with its port. Docker Hub is docker.io. An entry may
// be for some repositories only, as in registry.example.com/org: the most specific one counts. The zero Login is for a
// registry that the file does not name.
//
// Errors wrap [credentials.ErrFormat] if it is of no use to read the file again, and [os.ErrNotExist] if it is missing.
func Find(file, registry, repository string) (Login, error) {
	c, err := read(file)
	if err != nil {
		return Login{}, err
	}
	e, found := c.entryOf(registry, repository)
	switch {
	case e != entry{}:
		return e.login(file, registry)
	case c.CredHelpers[registry] != "", found && c.CredsStore != "":
		return Login{}, malformed(file, "leaves the password for "+registry+" to a program (credHelpers, credsStore), which inith does not run",
			`Write the password into it: {"auths":{"REGISTRY":{"auth":"base64 of user:password"}}}, as "kubectl create secret docker-registry" does.`)
	default:
		return Login{}, nil
	}
}

func read(file string) (config, error) {
	const most = 1 << 20 // bytes: as many as a Secret has
	f, err := os.Open(file)
	if err != nil {
		return config{}, usererr.File("registry config", file, err)
	}
	defer func() { _ = f.Close() }()
	b, err := io.ReadAll(io.LimitReader(f, most))
	if err != nil {
		return config{}, usererr.File("registry config", file, err)
	}
	var c config
	if json.Unmarshal(b, &c) != nil { // whose error may quote the file
		return config{}, malformed(file, "is not a config.json of Docker's", `Want JSON with {"auths":{…}}.`)
	}
	return c, nil
}

func malformed(file, what, hint string) error {
	return &usererr.Error{Text: fmt.Sprintf("registry config %q %s", file, what), Hint: hint, Err: credentials.ErrFormat}
}

// entryOf returns the most specific entry for a repository. Found also reports entries that are empty.
func (c *config) entryOf(registry, repository string) (best entry, found bool) {
	longest := -1
	for key, e := range c.Auths {
		host, path, _ := strings.Cut(normalized(key), "/")
		if host != registry || path != "" && path != repository && !strings.HasPrefix(repository, path+"/") {
			continue
		}
		found = true
		if len(path) > longest && e != (entry{}) {
			best, longest = e, len(path)
		}
	}
	return best, found
}

// normalized returns a key of auths as host[/path]: Docker itself writes URLs for some.
func normalized(key string) string {
	for _, scheme := range []string{"https://", "http://"} {
		key = strings.TrimPrefix(key, scheme)
	}
	key = strings.TrimSuffix(key, "/")
	host, path, _ := strings.Cut(key, "/")
	switch path {
	case "v1", "v2":
		path = ""
	}
	switch host = strings.ToLower(host); host {
	case "index.docker.io", "registry-1.docker.io":
		host = "docker.io"
	}
	return host + "/" + path
}

// login returns what an entry says.
func (e entry) login(file, registry string) (Login, error) {
	l := Login{Username: e.Username, Password: e.Password, IdentityToken: e.IdentityToken, RegistryToken: e.RegistryToken}
	if e.Auth != "" {
		b, err := base64.StdEncoding.DecodeString(strings.TrimRight(e.Auth, "\x00"))
		user, password, ok := strings.Cut(string(b), ":")
		if err != nil || !ok {
			return Login{}, malformed(file, "has an auth for "+registry+" that is none", "Want the base64 of user:password, on one line.")
		}
		l.Username, l.Password = user, strings.TrimRight(password, "\x00")
	}
	for _, s := range []string{l.IdentityToken, l.RegistryToken, l.Username, l.Password} {
		if !credentials.IsHeaderValue(s) {
			return Login{}, malformed(file, "has a line break or another control character in the credentials for "+registry,
				`Create it with "kubectl create secret docker-registry", or leave out the newline before base64.`)
		}
	}
	return l, nil
}
