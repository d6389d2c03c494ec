package source

import (
	"cmp"
	"context"
	"errors"
	"net/url"
	"strings"
	"sync"

	"github.com/inith/inith/internal/credentials"
	"github.com/inith/inith/internal/redact"
	"github.com/inith/inith/internal/usererr"
)

// A Hub is the Hugging Face Hub, or a mirror of it: what hf URLs are of. The zero value is
// the public one, without a token.
type Hub struct {
	Endpoint *url.URL // that all requests begin at; nil: https://huggingface.co

	// Sent to the origin of Endpoint, for files that have no HeaderFiles and no BearerFile.
	Token     string
	TokenFile string // of a token, read again for each request; not used with Token
}

// Check reports an endpoint that is none, and a token that cannot be sent. Its errors quote
// neither.
func (h Hub) Check() error {
	switch u := h.Endpoint; {
	case u != nil && (u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == ""):
		return errors.New("HF_ENDPOINT: want an http or https URL")
	case u != nil && (u.User != nil || u.RawQuery != "" || u.Fragment != ""):
		return errors.New("HF_ENDPOINT: want a URL without user, query and fragment")
	case !credentials.IsHeaderValue(h.Token):
		return errors.New("HF_TOKEN has a line break or another control character in it")
	default:
		return nil
	}
}

func (h Hub) endpoint() *url.URL {
	return cmp.Or(h.Endpoint, &url.URL{Scheme: "https", Host: "huggingface.co"})
}

// A hub finds what an hf URL names: a file, or all files of a repository or of a directory in it
// (https://huggingface.co/docs/hub/api, https://huggingface.co/docs/huggingface_hub/guides/hf_file_system).
type hub struct {
	web      web
	endpoint *url.URL
	known    map[hubName]*hubRepository
}

func newHub(n *Network, c Credentials, retrying func(error)) Resolver {
	access := Credentials{}
	if c.URL != nil && c.URL.Scheme == hubScheme { // else they are for another origin
		access.HeaderFiles, access.BearerFile = c.HeaderFiles, c.BearerFile
	}
	h := &hub{endpoint: n.Hub.endpoint(), known: map[hubName]*hubRepository{}}
	token := ""
	if len(access.HeaderFiles) == 0 && access.BearerFile == "" {
		if token = n.Hub.Token; token == "" {
			access.BearerFile = n.Hub.TokenFile
		}
	}
	access.URL = h.endpoint
	h.web = web{network: n, tls: n.TLS, access: access, token: token, retrying: retrying}
	return h
}

// Resolve asks for the commit of the revision and for what the repository has at it.
func (h *hub) Resolve(ctx context.Context, u *url.URL) ([]Object, error) {
	r, err := h.repository(u)
	if err != nil {
		return nil, err
	}
	return r.objects(ctx)
}

// Version returns the commit of the revision.
func (h *hub) Version(ctx context.Context, u *url.URL) (string, error) {
	r, err := h.repository(u)
	if err != nil {
		return "", err
	}
	if err := r.findCommit(ctx); err != nil {
		return "", err
	}
	return r.commit, nil
}

// Origin returns that of the endpoint, which all requests begin at.
func (h *hub) Origin(*url.URL) string { return credentials.Origin(h.endpoint) }

// repository returns what is known of the one that a URL names.
func (h *hub) repository(u *url.URL) (*hubRepository, error) {
	name, err := parseHubName(u)
	if err != nil {
		return nil, err
	}
	if h.known[name] == nil {
		h.known[name] = &hubRepository{web: h.web, endpoint: h.endpoint, name: name, url: *u, commit: name.commit()}
	}
	return h.known[name], nil
}

// A hubFile is a file of a repository at a commit: its bytes never change. Of many files, most
// wait for their turn: what a request needs is made then.
type hubFile struct {
	hubPath
	info Info

	mu  sync.Mutex
	web *webFile // nil: not opened yet
}

func (f *hubFile) Name() string {
	if f.path == f.name.path {
		return redact.URL(&f.url)
	}
	return redact.URL(f.url.JoinPath(escaped(strings.Split(f.below(f.path), "/"))...))
}

func (f *hubFile) Origin() string { return credentials.Origin(f.endpoint) }

// Stat sends no request: what its repository says of the file is all that there is.
func (f *hubFile) Stat(context.Context) (Info, error) { return f.info, nil }

// Open asks for the file. What its repository says of the size holds, not what the server of the
// bytes does: mirrors compress, or send no length.
func (f *hubFile) Open(ctx context.Context, off, n int64, validator string) (*Part, error) {
	if validator != "" && validator != f.info.Validator {
		return nil, ErrChanged
	}
	part, err := f.bytes().Open(ctx, off, n, "")
	if err != nil {
		return nil, err
	}
	return part.of(f.info, "repository", "hub")
}

func (f *hubFile) bytes() *webFile {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.web == nil {
		f.web = &webFile{web: f.hubRepository.web, url: f.endpoint.JoinPath(f.name.resolve(f.commit, f.path)...)}
		f.web.web.refusal = f.refusal
	}
	return f.web
}

// notTheHub is the error for an answer that the hub's API does not give.
func notTheHub(got string) error {
	return &usererr.Error{
		Text: "the hub's answer is not understood: " + got,
		Hint: "is HF_ENDPOINT the URL of a Hugging Face Hub, or of a mirror with its API?",
	}
}
