package source

import (
	"errors"
	"net/url"
	"slices"
	"strings"
)

const hubScheme = "hf"

var errHubName = errors.New("want hf://ORG/NAME[@REVISION][/PATH], with datasets/ or spaces/ in front of ORG for those")

// A hubName names a file on the hub, or a directory.
type hubName struct {
	kind              string // "models", "datasets" or "spaces"
	owner, repository string
	revision          string // a branch, a tag, a reference or a commit
	path              string // relative and clean; "": the whole repository
	directory         bool   // the path can only be a directory
}

func checkHubName(u *url.URL) error {
	_, err := parseHubName(u)
	return err
}

// isHubDirectory reports whether a URL names a whole repository, or ends in a slash.
func isHubDirectory(u *url.URL) bool {
	name, err := parseHubName(u)
	return err == nil && name.directory
}

// parseHubName reads hf://[datasets/|spaces/]ORG/NAME[@REVISION][/PATH], with ":" for "@" too, as
// KServe has it. A revision with a slash in it is escaped, but for refs/pr/1 and refs/convert/parquet.
func parseHubName(u *url.URL) (hubName, error) {
	switch {
	case u.User != nil || u.Port() != "":
		return hubName{}, errHubName
	case u.RawQuery != "" || u.Fragment != "":
		return hubName{}, errors.New("an hf URL has no query and no fragment")
	}
	name := hubName{kind: "models", owner: u.Host, revision: "main"}
	rest := strings.Split(strings.TrimPrefix(u.EscapedPath(), "/"), "/")
	if name.owner == "datasets" || name.owner == "spaces" {
		name.kind, name.owner, rest = name.owner, rest[0], rest[1:]
	}
	if len(rest) == 0 {
		return hubName{}, errHubName
	}
	var err error
	if rest, err = name.readRepository(rest); err != nil {
		return hubName{}, err
	}
	if last := len(rest) - 1; last < 0 || rest[last] == "" {
		name.directory, rest = true, rest[:max(0, last)]
	}
	return name, name.readPath(rest)
}

// A HubCache says where the cache of the hub's own client has what an hf URL names
// (https://huggingface.co/docs/huggingface_hub/guides/manage-cache).
type HubCache struct {
	Name     string // of the directory of the repository, such as models--org--name
	Revision string // a branch, a tag, a reference or a commit
	Path     string // of the directory in the repository; "": all of it
}

// HubCacheOf returns that of a URL, if it is an hf URL.
func HubCacheOf(u *url.URL) (HubCache, bool) {
	if u.Scheme != hubScheme {
		return HubCache{}, false
	}
	n, err := parseHubName(u)
	return HubCache{strings.Join([]string{n.kind, n.owner, n.repository}, "--"), n.revision, n.path}, err == nil
}

// readRepository reads the name of the repository and its revision, and returns what follows.
func (n *hubName) readRepository(rest []string) ([]string, error) {
	repository := rest[0]
	rest = rest[1:]
	if i := strings.IndexAny(repository, "@:"); i >= 0 {
		revision := repository[i+1:]
		repository = repository[:i]
		if revision == "refs" && len(rest) >= 2 && (rest[0] == "pr" || rest[0] == "convert") {
			revision += "/" + rest[0] + "/" + rest[1]
			rest = rest[2:]
		}
		var err error
		if n.revision, err = url.PathUnescape(revision); err != nil || !isHubRevision(n.revision) {
			return nil, errors.New("an hf URL with a revision that can be none: want a branch, a tag or a commit")
		}
	}
	n.repository = repository
	if !isHubWord(n.owner) || !isHubWord(n.repository) {
		return nil, errHubName
	}
	return rest, nil
}

// readPath reads the path in the repository.
func (n *hubName) readPath(escaped []string) (err error) {
	if n.path, err = cleanSegments(escaped); err != nil {
		return errors.New("an hf URL with a path that no repository has: no segment of it may be empty, . or .., or have a slash in it")
	}
	return nil
}

// errSegment means that a segment of a path in a URL names no file.
var errSegment = errors.New("not the name of a file")

// cleanSegments returns the path whose segments a URL has.
func cleanSegments(escaped []string) (string, error) {
	var names []string
	for _, segment := range escaped {
		name, err := url.PathUnescape(segment)
		if err != nil || name == "" || name == "." || name == ".." || strings.ContainsAny(name, "/\\\x00") {
			return "", errSegment
		}
		names = append(names, name)
	}
	return strings.Join(names, "/"), nil
}

// commit returns the revision if it is a commit, which needs no resolving.
func (n hubName) commit() string {
	if isCommit(n.revision) {
		return n.revision
	}
	return ""
}

// resolve returns where the bytes of a file are at a commit, below the endpoint.
func (n hubName) resolve(commit, file string) []string {
	repository := []string{n.owner, n.repository, "resolve", commit}
	if n.kind != "models" {
		repository = append([]string{n.kind}, repository...)
	}
	return append(repository, escaped(strings.Split(file, "/"))...)
}

func escaped(segments []string) []string {
	var all []string
	for _, s := range segments {
		all = append(all, url.PathEscape(s))
	}
	return all
}

func isCommit(s string) bool {
	const digits = 40
	return len(s) == digits && strings.Trim(s, "0123456789abcdef") == ""
}

// isHubWord reports whether s can be the name of an owner or of a repository.
func isHubWord(s string) bool {
	const (
		longest = 96
		bytes   = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-"
	)
	return s != "" && len(s) <= longest && strings.Trim(s, bytes) == "" && strings.Trim(s, ".") != ""
}

// isHubRevision reports whether s can be a revision: what git allows, roughly, and no segment
// that a server or a proxy would clean away.
func isHubRevision(s string) bool {
	bad := func(segment string) bool { return strings.Trim(segment, ".") == "" }
	return !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r == 0x7f || r == '\\' }) &&
		!slices.ContainsFunc(strings.Split(s, "/"), bad)
}
