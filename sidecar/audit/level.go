package audit

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// A Level says how much of an exchange is recorded.
type Level string

// The levels, in the order of what they record.
const (
	None            Level = "none"             // nothing
	Metadata        Level = "metadata"         // everything but bodies
	Request         Level = "request"          // the body of the request too
	RequestResponse Level = "request-response" // both bodies too
)

// Levels returns the levels, in the order of what they record.
func Levels() []Level { return []Level{None, Metadata, Request, RequestResponse} }

func (l Level) rank() int { return slices.Index(Levels(), l) }

// records reports whether a level records what another one does.
func (l Level) records(what Level) bool { return l.rank() >= what.rank() }

// A Rule gives a level to the exchanges that match all of its conditions.
type Rule struct {
	Level       Level
	Method      string // "" for any
	Path        string // a pattern: * is a part of a segment, ** any number of segments; "" for any
	ContentType string // of the request or of the answer, a pattern such as image/*; "" for any
	Status      string // 404, 4xx, or 500-599; "" for any
}

// ParseRule reads a rule: a level, then conditions, as in "none method=GET path=/healthz".
func ParseRule(s string) (Rule, error) {
	words := strings.Fields(s)
	if len(words) < 2 {
		return Rule{}, errors.New(`want a level and conditions, as in "none path=/healthz"`)
	}
	r := Rule{Level: Level(words[0])}
	if r.Level.rank() < 0 {
		return Rule{}, errors.New("a rule begins with none, metadata, request or request-response")
	}
	for _, word := range words[1:] {
		key, value, _ := strings.Cut(word, "=")
		into := map[string]*string{"method": &r.Method, "path": &r.Path, "content-type": &r.ContentType, "status": &r.Status}[key]
		switch {
		case into == nil:
			return Rule{}, errors.New("the conditions of a rule are method=, path=, content-type= and status=")
		case value == "" || *into != "":
			return Rule{}, fmt.Errorf("want one value for %s=", key)
		}
		*into = value
	}
	if _, _, err := statuses(r.Status); err != nil {
		return Rule{}, err
	}
	return r, nil
}

// statuses returns the first and the last status that a condition accepts.
func statuses(s string) (first, last int, err error) {
	if s == "" {
		return 0, 999, nil
	}
	from, to, isRange := strings.Cut(s, "-")
	if class, ok := strings.CutSuffix(s, "xx"); ok {
		from, to = class+"00", class+"99"
	} else if !isRange {
		to = from
	}
	first, err = strconv.Atoi(from)
	last, lastErr := strconv.Atoi(to)
	if err != nil || lastErr != nil || first < 100 || last > 999 || first > last {
		return 0, 0, errors.New("want a status such as 404, 4xx or 500-599")
	}
	return first, last, nil
}

// matchesRequest reports whether the request of an exchange may match: its answer is not known yet.
func (r Rule) matchesRequest(method, path string) bool {
	return (r.Method == "" || strings.EqualFold(r.Method, method)) && (r.Path == "" || matchPath(r.Path, path))
}

// matches reports whether an exchange matches. A status of zero means that there was no answer.
func (r Rule) matches(method, path string, contentTypes []string, status int) bool {
	first, last, err := statuses(r.Status)
	if err != nil || status < first || status > last || !r.matchesRequest(method, path) {
		return false
	}
	return r.ContentType == "" || slices.ContainsFunc(contentTypes, func(t string) bool {
		t, _, _ = strings.Cut(t, ";")
		return matchPart(strings.ToLower(r.ContentType), strings.ToLower(strings.TrimSpace(t)))
	})
}

// matchPath matches a path, segment by segment.
func matchPath(pattern, path string) bool {
	return matchSegments(strings.Split(pattern, "/"), strings.Split(path, "/"))
}

func matchSegments(pattern, path []string) bool {
	// What follows the last ** that was met, and where it was tried: no earlier one needs to be tried again.
	var after, from []string
	for {
		switch {
		case len(pattern) > 0 && pattern[0] == "**":
			after, from = pattern[1:], path
			pattern = after
		case len(path) == 0 && len(pattern) == 0:
			return true
		case len(path) > 0 && len(pattern) > 0 && matchPart(pattern[0], path[0]):
			pattern, path = pattern[1:], path[1:]
		case after != nil && len(from) > 0:
			from = from[1:]
			pattern, path = after, from
		default:
			return false
		}
	}
}

// matchPart matches a string against a pattern whose * stands for any characters.
func matchPart(pattern, s string) bool {
	parts := strings.Split(pattern, "*")
	if len(parts) == 1 {
		return pattern == s
	}
	first, last := parts[0], parts[len(parts)-1]
	if len(s) < len(first)+len(last) || !strings.HasPrefix(s, first) || !strings.HasSuffix(s, last) {
		return false
	}
	s = s[len(first) : len(s)-len(last)]
	for _, part := range parts[1 : len(parts)-1] {
		i := strings.Index(s, part)
		if i < 0 {
			return false
		}
		s = s[i+len(part):]
	}
	return true
}

// highest returns the highest level that an exchange can get, as far as its request tells.
func (r *Recording) highest(method, path string) Level {
	most := None
	for _, rule := range r.Rules {
		if !rule.matchesRequest(method, path) {
			continue
		}
		if rule.Level.records(most) {
			most = rule.Level
		}
		if rule.ContentType == "" && rule.Status == "" {
			return most
		}
	}
	if r.Level.records(most) {
		most = r.Level
	}
	return most
}

// level returns the level of an exchange.
func (r *Recording) level(method, path string, contentTypes []string, status int) Level {
	for _, rule := range r.Rules {
		if rule.matches(method, path, contentTypes, status) {
			return rule.Level
		}
	}
	return r.Level
}
