package fetch

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/inith/inith/fetch/internal/store"
	"github.com/inith/inith/fetch/source"
	"github.com/inith/inith/internal/usererr"
)

// selection identifies which files of a directory are wanted, and how.
func (f File) selection() string {
	if len(f.Include)+len(f.Exclude) == 0 && !f.HubCache {
		return ""
	}
	return store.ID(fmt.Sprintf("%q %q %t", f.Include, f.Exclude, f.HubCache))
}

// selected returns the objects that are wanted. None is an error, unless there may be more in archives.
func (f File) selected(all []source.Object, more bool) ([]source.Object, error) {
	if len(all) == 0 {
		return nil, source.Permanent(&usererr.Error{Text: "there are no files in it"})
	}
	wanted := slices.DeleteFunc(slices.Clone(all), func(o source.Object) bool { return !f.wants(o.Name) })
	if len(wanted) > 0 || more {
		return wanted, nil
	}
	return nil, source.Permanent(&usererr.Error{
		Text: fmt.Sprintf("none of its %d files is selected: it has %s", len(all), some(all)),
		Hint: "check the patterns of --include and --exclude: * also matches slashes, and upper and lower case differ",
	})
}

// wants reports whether a file is selected. Exclude wins.
func (f File) wants(name string) bool {
	matches := func(pattern string) bool { return matchName(pattern, name) }
	return (len(f.Include) == 0 || slices.ContainsFunc(f.Include, matches)) && !slices.ContainsFunc(f.Exclude, matches)
}

// some names a few of many files: one of each kind.
func some(all []source.Object) string {
	const most = 5
	var names, shown []string
	for _, o := range all {
		names = append(names, o.Name)
	}
	slices.Sort(names)
	kinds := map[string]bool{}
	for _, name := range names {
		if kind := path.Ext(name); !kinds[kind] && len(shown) < most {
			kinds[kind] = true
			shown = append(shown, fmt.Sprintf("%.100q", name))
		}
	}
	if len(shown) < len(all) {
		shown = append(shown, "…")
	}
	return strings.Join(shown, ", ")
}

// matchName reports whether a path matches a pattern, as the hub's own client does it
// (https://huggingface.co/docs/huggingface_hub/guides/download#filter-files-to-download): with *, ?, [abc] and
// [!abc], all of which match slashes too. A pattern with a slash at its end means all that is below it.
func matchName(pattern, name string) bool {
	if strings.HasSuffix(pattern, "/") {
		pattern += "*"
	}
	p, s := []rune(pattern), []rune(name)
	star, from := -1, 0 // where to go on after the last *, if what follows it does not match
	for i, j := 0, 0; j < len(s); {
		n, ok := 0, false
		if i < len(p) {
			if p[i] == '*' {
				star, from = i, j
				i++
				continue
			}
			n, ok = matchRune(p[i:], s[j])
		}
		switch {
		case ok:
			i, j = i+n, j+1
		case star >= 0:
			from++
			i, j = star+1, from
		default:
			return false
		}
		if j == len(s) {
			return strings.Trim(string(p[i:]), "*") == ""
		}
	}
	return strings.Trim(pattern, "*") == ""
}

// matchRune matches one character. It returns how much of the pattern that was.
func matchRune(p []rune, r rune) (n int, ok bool) {
	switch p[0] {
	case '?':
		return 1, true
	case '[':
		return matchSet(p, r)
	default:
		return 1, p[0] == r
	}
}

// matchSet matches one character against a set such as [a-z] or [!0-9]. A bracket that is not closed is one
// itself, and so is one that follows the opening one.
func matchSet(p []rune, r rune) (n int, ok bool) {
	begin := 1
	negated := len(p) > 1 && p[1] == '!'
	if negated {
		begin++
	}
	end := begin + 1
	for end < len(p) && p[end] != ']' {
		end++
	}
	if end >= len(p) {
		return 1, r == '['
	}
	in := false
	for set := p[begin:end]; len(set) > 0; {
		if len(set) > 2 && set[1] == '-' {
			in = in || set[0] <= r && r <= set[2]
			set = set[3:]
			continue
		}
		in = in || set[0] == r
		set = set[1:]
	}
	return end + 1, in != negated
}
