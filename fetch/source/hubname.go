package source

import (
	"errors"
	"net/url"
	"slices"
	"strings"
)

const hubScheme = "hf"

var errHubName = errors.New("want hf://ORG/NAME[@REVISION]/FILE, or hf://datasets/ORG/NAME[@REVISION]/FILE")

// A hubName names a file on the hub.
type hubName struct {
	kind              string // "models" or "datasets"
	owner, repository string
	revision          string // a branch, a tag, a reference or a commit
	path              string // relative and clean
}

func checkHubName(u *url.URL) error {
	_, err := parseHubName(u)
	return err
}

// parseHubName reads hf://[datasets/]ORG/NAME[@REVISION]/PATH, with ":" for "@" too, as KServe
// has it. A revision with a slash in it is escaped, but for refs/pr/1 and refs/convert/parquet.
func parseHubName(u *url.URL) (hubName, error) {
	switch {
	case u.User != nil || u.Port() != "":
		return hubName{}, errHubName
	case u.RawQuery != "" || u.Fragment != "":
		return hubName{}, errors.New("an hf URL has no query and no fragment")
	case u.Host == "spaces":
		return hubName{}, errors.New("spaces are not a source, only models and datasets")
	}
	name := hubName{kind: "models", owner: u.Host, revision: "main"}
	rest := strings.Split(strings.TrimPrefix(u.EscapedPath(), "/"), "/")
	if name.owner == "datasets" {
		name.kind, name.owner, rest = "datasets", rest[0], rest[1:]
	}
	if len(rest) == 0 {
		return hubName{}, errHubName
	}
	var err error
	if rest, err = name.readRepository(rest); err != nil {
		return hubName{}, err
	}
	if len(rest) == 0 || slices.Equal(rest, []string{""}) {
		return hubName{}, errors.New("an hf URL names one file, as in hf://ORG/NAME/config.json: whole repositories are not a source")
	}
	return name, name.readPath(rest)
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

// readPath reads the path of the file.
func (n *hubName) readPath(escaped []string) error {
	var names []string
	for _, segment := range escaped {
		name, err := url.PathUnescape(segment)
		if err != nil || name == "" || name == "." || name == ".." || strings.ContainsAny(name, "/\\\x00") {
			return errors.New("an hf URL with a path that is none of a file: no segment of it may be empty, . or .., or have a slash in it")
		}
		names = append(names, name)
	}
	n.path = strings.Join(names, "/")
	return nil
}

// commit returns the revision if it is a commit, which needs no resolving.
func (n hubName) commit() string {
	if isCommit(n.revision) {
		return n.revision
	}
	return ""
}

// resolve returns the path of the file's bytes at a commit, below the endpoint.
func (n hubName) resolve(commit string) []string {
	repository := []string{n.owner, n.repository, "resolve", commit}
	if n.kind != "models" {
		repository = append([]string{n.kind}, repository...)
	}
	return append(repository, escaped(strings.Split(n.path, "/"))...)
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
