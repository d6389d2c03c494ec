package source

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"

	"github.com/inith/inith/internal/redact"
	"github.com/inith/inith/internal/usererr"
)

// A hubRepository is what is known of a repository at a revision, and of what a URL names in it.
// It keeps what it has asked: a call after a failure continues there.
type hubRepository struct {
	web      web
	endpoint *url.URL
	name     hubName
	url      url.URL

	commit string      // "": the revision is not resolved yet
	parent *hubListing // of the directory that the path is in; nil: not asked for
	all    *hubListing // of all files below the path; nil: not asked for
}

// A hubListing is a listing of a directory as far as it has come.
type hubListing struct {
	page    *url.URL // the next one; nil: there is none
	bytes   int64    // of the pages
	entries []hubEntry
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

// findCommit asks for the commit of the revision: once.
func (r *hubRepository) findCommit(ctx context.Context) error {
	if r.commit != "" {
		return nil
	}
	var revision struct{ SHA string }
	if _, _, err := r.get(ctx, r.api("revision", r.name.revision), &revision); err != nil {
		return err
	}
	if !isCommit(revision.SHA) {
		return Permanent(notTheHub("no commit"))
	}
	r.commit = revision.SHA
	return nil
}

// objects returns the file that the path names, or all files of the directory.
func (r *hubRepository) objects(ctx context.Context) ([]Object, error) {
	if err := r.findCommit(ctx); err != nil {
		return nil, err
	}
	if !r.name.directory {
		file, err := r.find(ctx)
		if err != nil {
			return nil, err
		}
		if file != nil {
			o, err := r.object(file)
			o.Name = ""
			return []Object{o}, err
		}
	}
	return r.files(ctx)
}

// find looks for the path in the directory that it is in. It returns nil for a directory.
func (r *hubRepository) find(ctx context.Context) (*hubEntry, error) {
	if r.parent == nil {
		directory, _ := path.Split(r.name.path)
		r.parent = &hubListing{page: r.tree(strings.TrimSuffix(directory, "/"))}
	}
	for {
		for i := range r.parent.entries {
			switch e := &r.parent.entries[i]; {
			case e.Path != r.name.path:
			case e.Type == "file":
				return e, nil
			case e.Type == "directory":
				return nil, nil //nolint:nilnil // a directory
			default:
				return nil, Permanent(&usererr.Error{Text: fmt.Sprintf("%q of the repository is neither a file nor a directory", e.Path)})
			}
		}
		r.parent.entries = nil // of a directory with many entries, one page is enough to have
		more, err := r.read(ctx, r.parent)
		if err != nil {
			return nil, err
		}
		if !more {
			return nil, Permanent(r.missing(r.name.path))
		}
	}
}

// files returns all files of the directory.
func (r *hubRepository) files(ctx context.Context) ([]Object, error) {
	if r.all == nil {
		r.all = &hubListing{page: r.tree(r.name.path)}
		r.all.page.RawQuery = "recursive=true"
	}
	for more := true; more; {
		var err error
		if more, err = r.read(ctx, r.all); err != nil {
			return nil, err
		}
	}
	all := make([]Object, 0, len(r.all.entries))
	for i := range r.all.entries {
		switch e := &r.all.entries[i]; {
		case e.Type != "file": // the directories of the files are listed too
		case e.Path == r.name.path:
			return nil, Permanent(&usererr.Error{
				Text: fmt.Sprintf("%q is a file of the repository, not a directory", e.Path),
				Hint: "leave out the slash at the end",
			})
		default:
			o, err := r.object(e)
			if err != nil {
				return nil, err
			}
			all = append(all, o)
		}
	}
	r.all = nil // it is as large as all
	return all, nil
}

// read adds the next page to a listing. It reports whether there was one.
func (r *hubRepository) read(ctx context.Context, l *hubListing) (more bool, err error) {
	const most = 64 << 20 // bytes: of some 200,000 files
	if l.page == nil {
		return false, nil
	}
	var entries []hubEntry
	next, n, err := r.get(ctx, l.page, &entries)
	if err != nil {
		return false, err
	}
	l.entries = append(l.entries, entries...)
	if l.bytes += n; l.bytes > most {
		return false, Permanent(notTheHub("a directory without an end"))
	}
	page := *l.page
	page.RawQuery = next
	if l.page = &page; next == "" {
		l.page = nil
	}
	return true, nil
}

// object returns the object of a file.
func (r *hubRepository) object(e *hubEntry) (Object, error) {
	info, err := e.info()
	if err != nil {
		return Object{}, err
	}
	return Object{
		Name: r.below(e.Path), Size: info.Size, Digests: info.Digests, Validator: info.Validator,
		Source: &hubFile{hubPath: hubPath{r, e.Path}, info: info},
	}, nil
}

// below returns the path of a file in the directory that the URL names.
func (r *hubRepository) below(file string) string {
	if r.name.path == "" {
		return file
	}
	return strings.TrimPrefix(file, r.name.path+"/")
}

// tree returns the URL of the listing of a directory at the commit.
func (r *hubRepository) tree(directory string) *url.URL {
	if directory == "" {
		return r.api("tree", r.commit)
	}
	return r.api("tree", r.commit, strings.Split(directory, "/")...)
}

// api returns the URL of an answer of the hub's API about the repository.
func (r *hubRepository) api(what, revision string, rest ...string) *url.URL {
	all := append([]string{"api", r.name.kind, r.name.owner, r.name.repository, what, url.PathEscape(revision)}, escaped(rest)...)
	return r.endpoint.JoinPath(all...)
}

// get reads an answer of the API. It returns the query of the next page, "" if there is none, and
// how many bytes the answer had. The rest of that page's URL may be of another host than the
// mirror that was asked.
func (r *hubRepository) get(ctx context.Context, u *url.URL, into any) (next string, n int64, err error) {
	const (
		most = 4 << 20 // bytes; a page of 1,000 entries has some 300 KiB
		wait = DefaultHeaderWait
	)
	file := &webFile{web: r.web, url: u}
	file.web.refusal = hubPath{r, r.name.path}.refusal
	resp, err := file.send(ctx, u, request{n: Whole})
	if err != nil {
		return "", 0, err
	}
	defer func() { _ = resp.Body.Close() }()
	if err := file.refused(resp); err != nil {
		return "", 0, err
	}
	if err := statusError(resp); err != nil {
		return "", 0, err
	}
	timer := time.AfterFunc(wait, func() { _ = resp.Body.Close() })
	defer timer.Stop()
	b, err := io.ReadAll(io.LimitReader(resp.Body, most))
	if err != nil {
		return "", 0, explain(err)
	}
	if json.Unmarshal(b, into) != nil {
		return "", 0, Permanent(notTheHub("no JSON, or another than documented"))
	}
	return nextPage(resp.Header), int64(len(b)), nil
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
