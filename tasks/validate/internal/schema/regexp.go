package schema

import (
	"iter"
	"regexp"
	"slices"
	"strings"

	"github.com/inith/inith/internal/document"
)

// A matcher is a regular expression. The lookaheads at its beginning are expressions of their own, since Go has none.
type matcher struct {
	re       *regexp.Regexp
	ahead    []*regexp.Regexp // must match too
	notAhead []*regexp.Regexp // must not match
}

func (m *matcher) matches(s string) bool {
	isMatch := func(re *regexp.Regexp) bool { return re.MatchString(s) }
	return m.re.MatchString(s) && !slices.ContainsFunc(m.notAhead, isMatch) &&
		!slices.ContainsFunc(m.ahead, func(re *regexp.Regexp) bool { return !isMatch(re) })
}

// regexp compiles a pattern. A schema whose pattern is not one of those that take bounded time cannot be used.
func (s *site) regexp(name string, n *document.Node) *matcher {
	m, unsupported := compilePattern(n.Text)
	if unsupported != "" {
		s.fail(s.resource, n, name+": "+unsupported)
		return nil
	}
	return m
}

// compilePattern returns a matcher, or what is wrong with the pattern.
func compilePattern(pattern string) (m *matcher, unsupported string) {
	m = &matcher{}
	rest, ok := strings.CutPrefix(pattern, "^")
	for ok && (strings.HasPrefix(rest, "(?!") || strings.HasPrefix(rest, "(?=")) {
		group, after, closed := cutGroup(rest)
		if !closed || hasAlternatives(after) {
			break
		}
		re, unsupported := compileRegexp("^(?:" + group[len("(?!"):len(group)-1] + ")")
		if unsupported != "" {
			return nil, unsupported
		}
		if strings.HasPrefix(group, "(?!") {
			m.notAhead = append(m.notAhead, re)
		} else {
			m.ahead = append(m.ahead, re)
		}
		rest, pattern = after, "^"+after
	}
	m.re, unsupported = compileRegexp(pattern)
	return m, unsupported
}

func compileRegexp(pattern string) (re *regexp.Regexp, unsupported string) {
	translated, unsupported := translate(pattern)
	if unsupported != "" {
		return nil, unsupported
	}
	re, err := regexp.Compile(translated)
	if err != nil {
		return nil, "not a regular expression"
	}
	return re, ""
}

// outsideClasses yields the characters of a pattern that are neither escaped nor in a class such as [a-z].
func outsideClasses(pattern string) iter.Seq2[int, byte] {
	return func(yield func(int, byte) bool) {
		inClass := false
		for i := 0; i < len(pattern); i++ {
			switch c := pattern[i]; {
			case c == '\\':
				i++
			case c == '[' || c == ']':
				inClass = c == '['
			case !inClass && !yield(i, c):
				return
			}
		}
	}
}

// cutGroup cuts a group off the beginning of a pattern.
func cutGroup(pattern string) (group, rest string, closed bool) {
	depth := 0
	for i, c := range outsideClasses(pattern) {
		switch c {
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				return pattern[:i+1], pattern[i+1:], true
			}
		}
	}
	return "", pattern, false
}

// hasAlternatives reports whether a pattern has a | outside of its groups.
func hasAlternatives(pattern string) bool {
	depth := 0
	for _, c := range outsideClasses(pattern) {
		switch {
		case c == '(':
			depth++
		case c == ')':
			depth--
		case c == '|' && depth == 0:
			return true
		}
	}
	return false
}
