package source

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path"
	"strings"
	"sync"
	"time"

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

// A hub finds the file that an hf URL names
// (https://huggingface.co/docs/hub/api, https://huggingface.co/docs/huggingface_hub/guides/hf_file_system).
type hub struct {
	web      web
	endpoint *url.URL
}

func newHub(n *Network, c Credentials, retrying func(error)) Resolver {
	access := Credentials{}
	if c.URL != nil && c.URL.Scheme == hubScheme { // else they are for another origin
		access.HeaderFiles, access.BearerFile = c.HeaderFiles, c.BearerFile
	}
	h := &hub{endpoint: n.Hub.endpoint()}
	token := ""
	if len(access.HeaderFiles) == 0 && access.BearerFile == "" {
		if token = n.Hub.Token; token == "" {
			access.BearerFile = n.Hub.TokenFile
		}
	}
	access.URL = h.endpoint
	h.web = web{network: n, access: access, token: token, retrying: retrying}
	return h
}

// Resolve returns the one file of a URL. It sends nothing: the file is located when it is
// opened.
func (h *hub) Resolve(_ context.Context, u *url.URL) ([]Object, error) {
	name, err := parseHubName(u)
	if err != nil {
		return nil, err
	}
	f := &hubFile{hub: *h, name: name, shown: redact.URL(u), commit: name.commit()}
	f.hub.web.refusal = f.refusal
	return []Object{{Name: path.Base(name.path), Size: -1, Source: f}}, nil
}

// A hubFile is a file of a repository.
type hubFile struct {
	hub   hub
	name  hubName
	shown string

	mu     sync.Mutex // held while the file is located
	commit string     // "": the revision is not resolved yet
	file   *hubBytes  // nil: not located yet
}

// hubBytes are the bytes of a file at a commit: they never change.
type hubBytes struct {
	info Info
	web  *webFile
}

func (f *hubFile) Name() string   { return f.shown }
func (f *hubFile) Origin() string { return credentials.Origin(f.hub.endpoint) }

// Stat sends no request for the file itself: what its repository says is all that there is.
func (f *hubFile) Stat(ctx context.Context) (Info, error) {
	file, err := f.locate(ctx)
	if err != nil {
		return Info{}, err
	}
	return file.info, nil
}

// Open asks for the file at its commit. What its repository says of the size holds, not what
// the server of the bytes does: mirrors compress, or send no length.
func (f *hubFile) Open(ctx context.Context, off, n int64, validator string) (*Part, error) {
	file, err := f.locate(ctx)
	switch {
	case err != nil:
		return nil, err
	case validator != "" && validator != file.info.Validator:
		return nil, ErrChanged
	}
	part, err := file.web.Open(ctx, off, n, "")
	switch {
	case err != nil:
		return nil, err
	case part.Size >= 0 && part.Size != file.info.Size:
		_ = part.Body.Close()
		return nil, Permanent(&usererr.Error{
			Text: fmt.Sprintf("the server sent a file of %d bytes, and in the repository it has %d", part.Size, file.info.Size),
			Hint: "a proxy or a mirror between may have answered in the hub's place",
		})
	case part.End < 0:
		part.End = file.info.Size
	}
	part.Info = file.info
	return part, nil
}

// locate finds the commit of the revision, and the file in it: once.
func (f *hubFile) locate(ctx context.Context) (*hubBytes, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.file != nil {
		return f.file, nil
	}
	if f.commit == "" {
		var revision struct{ SHA string }
		if _, err := f.get(ctx, f.api("revision", f.name.revision), &revision); err != nil {
			return nil, err
		}
		if !isCommit(revision.SHA) {
			return nil, Permanent(notTheHub("no commit"))
		}
		f.commit = revision.SHA
	}
	entry, err := f.find(ctx)
	if err != nil {
		return nil, err
	}
	info, err := entry.info()
	if err != nil {
		return nil, err
	}
	f.file = &hubBytes{info, &webFile{web: f.hub.web, url: f.hub.endpoint.JoinPath(f.name.resolve(f.commit)...)}}
	return f.file, nil
}

// A hubEntry is what a repository has at a path.
type hubEntry struct {
	Type string // "file" or "directory"
	Path string
	OID  string // of git: of a file in LFS that of its pointer
	Size int64
	LFS  *struct {
		OID  string // sha256
		Size int64
	}
}

func (e *hubEntry) info() (Info, error) {
	size, digest := e.Size, gitBlobDigest(e.Size, e.OID)
	if e.LFS != nil {
		size, digest = e.LFS.Size, hexDigest("sha256", e.LFS.OID)
	}
	if digest == (Digest{}) || size < 0 {
		return Info{}, Permanent(notTheHub("no size, or no digest, of the file"))
	}
	return Info{Size: size, Validator: digest.String(), Digests: []Digest{digest}}, nil
}

// find looks for the file in its directory, which the hub lists in pages.
func (f *hubFile) find(ctx context.Context) (*hubEntry, error) {
	const most = 1000 // pages, of up to 1,000 entries
	directory, _ := path.Split(f.name.path)
	page := f.api("tree", f.commit, strings.Split(strings.TrimSuffix(directory, "/"), "/")...)
	for range most {
		var entries []hubEntry
		next, err := f.get(ctx, page, &entries)
		if err != nil {
			return nil, err
		}
		for i := range entries {
			switch e := &entries[i]; {
			case e.Path != f.name.path:
			case e.Type == "file":
				return e, nil
			default:
				return nil, Permanent(&usererr.Error{
					Text: fmt.Sprintf("%q is a %s of the repository, not a file", e.Path, cmp.Or(redact.Word(e.Type), "thing")),
					Hint: "name a file: the whole of a directory is not a source",
				})
			}
		}
		if next == "" {
			return nil, Permanent(f.noFile())
		}
		page.RawQuery = next
	}
	return nil, Permanent(notTheHub("a directory without an end"))
}

// api returns the URL of an answer of the hub's API about the repository.
func (f *hubFile) api(what, revision string, rest ...string) *url.URL {
	all := append([]string{"api", f.name.kind, f.name.owner, f.name.repository, what, url.PathEscape(revision)}, escaped(rest)...)
	return f.hub.endpoint.JoinPath(all...)
}

// get reads an answer of the API, and returns the query of the next page, "" if there is none.
// The rest of that page's URL may be of another host than the mirror that was asked.
func (f *hubFile) get(ctx context.Context, u *url.URL, into any) (next string, err error) {
	const (
		most = 4 << 20 // bytes; a page of 1,000 entries has some 300 KiB
		wait = DefaultHeaderWait
	)
	file := &webFile{web: f.hub.web, url: u}
	resp, err := file.send(ctx, u, request{0, Whole, ""})
	if err != nil {
		return "", err
	}
	defer func() { _ = resp.Body.Close() }()
	if err := cmp.Or(file.refused(resp), statusError(resp)); err != nil {
		return "", err
	}
	timer := time.AfterFunc(wait, func() { _ = resp.Body.Close() })
	defer timer.Stop()
	b, err := io.ReadAll(io.LimitReader(resp.Body, most))
	if err != nil {
		return "", explain(err)
	}
	if json.Unmarshal(b, into) != nil {
		return "", Permanent(notTheHub("no JSON, or another than documented"))
	}
	return nextPage(resp.Header), nil
}

// nextPage returns the query of the link to the next page (RFC 8288).
func nextPage(h http.Header) string {
	for link := range strings.SplitSeq(strings.Join(h.Values("Link"), ","), ",") {
		target, parameters, _ := strings.Cut(strings.TrimSpace(link), ">")
		if !strings.Contains(parameters, `rel="next"`) {
			continue
		}
		if u, err := redact.ParseURL(strings.TrimPrefix(target, "<")); err == nil {
			return u.RawQuery
		}
	}
	return ""
}

// notTheHub is the error for an answer that the hub's API does not give.
func notTheHub(got string) error {
	return &usererr.Error{
		Text: "the hub's answer is not understood: " + got,
		Hint: "is HF_ENDPOINT the URL of a Hugging Face Hub, or of a mirror with its API?",
	}
}
