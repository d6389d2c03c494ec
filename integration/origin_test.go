package integration_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/testcontainers/testcontainers-go"
	tcnetwork "github.com/testcontainers/testcontainers-go/network"
)

// The names of the origin in the examples, and of its mirror.
const (
	modelsHost = "models.example.com"
	mirrorHost = "mirror.example.net"
)

// originConfig serves a folder for each name, with TLS and without, each
// connection at a rate. Some paths want to know who asks, or through what.
const originConfig = `
pid /tmp/nginx.pid;
error_log stderr;
events {}
http {
	access_log off;
	server {
		listen 80;
		listen 443 ssl;
		ssl_certificate /tls.crt;
		ssl_certificate_key /tls.key;
		root /files/$host;
		limit_rate %[1]s;
		location /header/ {
			alias /files/$host/;
			if ($http_private_token != "%[2]s") { return 403; }
		}
		location /bearer/ {
			alias /files/$host/;
			if ($http_authorization != "Bearer %[2]s") { return 401; }
		}
		location /basic/ {
			alias /files/$host/;
			auth_basic models;
			auth_basic_user_file /etc/nginx/users;
		}
		location /proxied/ {
			alias /files/$host/;
			if ($http_x_proxy != "haproxy") { return 403; }
		}
		location /moved/ { return 302 https://` + mirrorHost + `/bearer/model.bin?signature=%[3]s; }
	}
}
`

// An origin is nginx with the names of the examples, on a network of its own.
type origin struct {
	network *testcontainers.DockerNetwork
	reach   string // the network that inith is on
	id      string // of the container
	files   string // folder
}

// startOrigin starts a server that sends at a rate (of nginx's; "0" is no limit)
// over each connection.
func startOrigin(t *testing.T, rate string) *origin {
	t.Helper()
	o := &origin{network: newNetwork(t), files: sharedDir(t)}
	c := startImage(t, "nginx",
		file("/etc/nginx/nginx.conf", fmt.Sprintf(originConfig, rate, password, escape(password))),
		file("/etc/nginx/users", "app:{PLAIN}"+password+"\n"),
		withCertificate(t), withDir(o.files, "/files"),
		tcnetwork.WithNetwork([]string{modelsHost, mirrorHost}, o.network))
	o.id, o.reach = c.GetContainerID(), o.network.Name
	return o
}

// offline returns the origin for an inith that has no network.
func (o *origin) offline() *origin {
	off := *o
	off.reach = "none"
	return &off
}

// put writes a file for a host and returns its SHA-256. It has the content of the
// examples' model, if it has the size of that.
func (o *origin) put(t *testing.T, host, name string, size int64) string {
	t.Helper()
	return o.write(t, host, name, io.LimitReader(rand.NewChaCha8([32]byte([]byte("the model of inith's examples..."))), size))
}

func (o *origin) write(t *testing.T, host, name string, content io.Reader) string {
	t.Helper()
	path := filepath.Join(o.files, host, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	h := sha256.New()
	if _, err := io.Copy(io.MultiWriter(f, h), content); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// trusted are the arguments of docker run with which inith reaches the origin.
func (o *origin) trusted(t *testing.T) []string {
	t.Helper()
	return []string{"--network=" + o.reach, mountFile(t, "/ca.pem", certificate(t).cert), "--env=INITH_FETCH_CA_FILE=/ca.pem"}
}

// run returns the arguments of docker run for `inith fetch` under the strictest
// limits, with 64 MiB of memory and a volume to write to.
func (o *origin) run(t *testing.T, tag, volume string, options []string, args ...string) []string {
	t.Helper()
	limits := []string{"--memory=64m", "--memory-swap=64m", "--volume=" + volume + ":/models"}
	return slices.Concat(strict(), limits, o.trusted(t), options, []string{tag, "fetch"}, args)
}

// newVolume makes a volume that any user can write to, as an emptyDir is.
func newVolume(t *testing.T) string {
	t.Helper()
	name := newName()
	mustDocker(t.Context(), t, "volume", "create", name)
	t.Cleanup(func() { cleanup(t, "volume", "rm", "--force", name) })
	inVolume(t, name, "0", "chmod", "777", "/models")
	return name
}

// inVolume runs a command as user in a volume, and returns what it says.
func inVolume(t *testing.T, volume, user, command string, args ...string) string {
	t.Helper()
	r := runContainer(t, append([]string{
		"--network=none", "--user=" + user, "--volume=" + volume + ":/models", "--entrypoint=" + command, image("busybox"),
	}, args...)...)
	if r.code != 0 {
		t.Fatalf("%s as user %s: %+v", command, user, r)
	}
	return r.stdout
}

// wantModel checks that another user than inith's reads the right file.
func wantModel(t *testing.T, volume, path, sum string) {
	t.Helper()
	if got := inVolume(t, volume, "10001:10001", "sha256sum", path); !strings.HasPrefix(got, sum+" ") {
		t.Errorf("%s: got %q, want %s", path, got, sum)
	}
}

// A fetched is a line of --json.
type fetched struct {
	Path, Digest, Evidence string
	Size, Fetched, Resumed int64
	Retries                int
	Skipped                bool
}

// wantFetched reads the only line of --json.
func wantFetched(t *testing.T, r result) fetched {
	t.Helper()
	var f fetched
	if err := json.Unmarshal([]byte(r.stdout), &f); r.code != 0 || err != nil {
		t.Fatalf("code %d, want 0; %v; stdout %q; stderr:\n%s", r.code, err, r.stdout, r.stderr)
	}
	hasNoSecret(t, r.stdout+r.stderr)
	return f
}
