package fetch

import (
	"bytes"
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/inith/inith/fetch/internal/engine"
	"github.com/inith/inith/fetch/source"
	"github.com/inith/inith/internal/usererr"
)

// listed reports whether the URL means a directory on a server that does not say what is in it: the list of digests does.
func (f File) listed() bool {
	return f.URL != nil && f.SumsURL != nil && source.IsFile(f.URL) && strings.HasSuffix(f.URL.Path, "/")
}

// isDirectory reports whether the URL can mean nothing but a directory.
func (f File) isDirectory() bool { return f.listed() || source.IsDirectory(f.URL) }

// list fetches the list of digests.
func (t *Transfer) list(ctx context.Context) ([]sum, source.Source, error) {
	f, err := t.resolveFile(ctx, t.file.SumsURL)
	if err != nil {
		return nil, nil, err
	}
	list, err := engine.Small(ctx, t.job(f.file))
	if err != nil {
		return nil, nil, named(f.file.Name(), t.explained(f.file, err))
	}
	all := parseSums(list, isBlake3List(t.file.SumsURL.Path))
	if n := linesIn(list) - len(all); n > 0 && t.file.listed() {
		t.log.WarnContext(ctx, "some lines of the list are no digests of files that inith can compare: what they name is not fetched", "list", f.file.Name(), "lines", n)
	}
	return all, f.file, nil
}

// linesIn counts the lines that are neither empty nor comments.
func linesIn(list []byte) (n int) {
	for line := range bytes.Lines(list) {
		if line = bytes.TrimSpace(line); len(line) > 0 && line[0] != '#' {
			n++
		}
	}
	return n
}

// resolveListed returns the files of a directory that the list has.
func (t *Transfer) resolveListed(ctx context.Context, l location) (found, error) {
	all, list, err := t.list(ctx)
	if err != nil {
		return found{}, err
	}
	objects, err := listedObjects(all)
	if err != nil {
		return found{}, &SourceError{Source: list.Name(), Err: source.Permanent(err)}
	}
	for i, o := range objects {
		one, err := l.resolver.Resolve(ctx, below(l.url, o.Name))
		if err != nil {
			return found{}, &SourceError{Source: nameOf(l.url), Err: err}
		}
		objects[i].Source = one[0].Source
	}
	return found{objects: objects}, nil
}

// listedObjects returns the files that the entries of a list name. A file may have several digests, of several algorithms.
func listedObjects(all []sum) ([]source.Object, error) {
	var objects []source.Object
	at := map[string]int{}
	for _, s := range all {
		name := s.path
		for strings.HasPrefix(name, "./") { // as find prints them
			name = strings.TrimLeft(name[1:], "/")
		}
		if name == "" {
			return nil, &usererr.Error{Text: "an entry of the list names no file", Hint: "Write the list with sha256sum and the names of the files, relative to the directory."}
		}
		i, ok := at[name]
		if !ok {
			i = len(objects)
			at[name] = i
			objects = append(objects, source.Object{Name: name, Size: -1})
		}
		o := &objects[i]
		switch same := slices.IndexFunc(o.Digests, func(d Digest) bool { return d.Algorithm == s.digest.Algorithm }); {
		case same < 0:
			o.Digests = append(o.Digests, s.digest)
		case o.Digests[same] != s.digest:
			return nil, &usererr.Error{Text: fmt.Sprintf("the list has two digests for %.200q", name)}
		}
	}
	if len(objects) == 0 {
		return nil, &usererr.Error{Text: "the list has no digests", Hint: "sha256sum, sha512sum and b3sum write such lists. MD5 and SHA-1 are too weak."}
	}
	return objects, nil
}

// below returns the URL of a file in the directory that a URL means.
func below(dir *url.URL, name string) *url.URL {
	u := *dir
	u.Path += name
	if u.RawPath != "" {
		u.RawPath += (&url.URL{Path: name}).EscapedPath()
	}
	return &u
}
