package render

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// semverCompare has the constraints of sprig and Helm. Their library compiles its regular expressions at the start of
// every command, for half a millisecond.
func semverCompare(constraint, text string) (bool, error) {
	v, ok := parseVersion(text)
	if !ok || v.given < 1 {
		return false, wrong("semverCompare: this string is not a version")
	}
	holds := false
	for alternative := range strings.SplitSeq(constraint, "||") {
		all, ok := parseConstraints(alternative)
		if !ok {
			return false, wrong("semverCompare: the constraint is not valid, such as \">=1.2 <2\"")
		}
		holds = holds || !slices.ContainsFunc(all, func(c versionConstraint) bool { return !c.allows(v) })
	}
	return holds, nil
}

// A version is one of SemVer 2, or a part of one.
type version struct {
	numbers    [3]int // major, minor, patch
	given      int    // how many of them are given
	prerelease []string
}

func parseVersion(s string) (v version, ok bool) {
	s, _, _ = strings.Cut(strings.TrimPrefix(s, "v"), "+")
	s, prerelease, isPrerelease := strings.Cut(s, "-")
	if isPrerelease {
		v.prerelease = strings.Split(prerelease, ".")
	}
	parts := strings.Split(s, ".")
	if len(parts) > len(v.numbers) || isPrerelease && slices.Contains(v.prerelease, "") {
		return v, false
	}
	for i, part := range parts {
		if slices.Contains([]string{"x", "X", "*"}, part) {
			return v, true // and what follows it
		}
		n, err := strconv.ParseUint(part, 10, 31)
		if err != nil {
			return v, false
		}
		v.numbers[i], v.given = int(n), i+1
	}
	return v, true
}

func (v version) compare(other version) int {
	return cmp.Or(slices.Compare(v.numbers[:], other.numbers[:]), comparePrereleases(v.prerelease, other.prerelease))
}

// comparePrereleases has none as the highest one.
func comparePrereleases(a, b []string) int {
	if len(a) == 0 || len(b) == 0 {
		return cmp.Compare(len(b), len(a))
	}
	return slices.CompareFunc(a, b, func(x, y string) int {
		n, err1 := strconv.ParseUint(x, 10, 64)
		m, err2 := strconv.ParseUint(y, 10, 64)
		switch {
		case err1 == nil && err2 == nil:
			return cmp.Compare(n, m)
		case err1 == nil:
			return -1
		case err2 == nil:
			return 1
		default:
			return strings.Compare(x, y)
		}
	})
}

// within reports whether the numbers of v up to an index are those of another version.
func (v version) within(other version, index int) bool {
	return slices.Equal(v.numbers[:index], other.numbers[:index])
}

// A versionConstraint is an operator and the version to which it compares.
type versionConstraint struct {
	operator string
	version
}

// parseConstraints reads constraints that must all hold.
func parseConstraints(s string) (all []versionConstraint, ok bool) {
	words := strings.Fields(strings.ReplaceAll(s, ",", " "))
	for i := 0; i < len(words); i++ {
		word := words[i]
		number := strings.TrimLeft(word, "=!<>~^")
		c := versionConstraint{operator: word[:len(word)-len(number)]}
		switch {
		case number == "" && i+1 < len(words): // a space behind the operator
			i++
			number = words[i]
		case word == "-" && len(all) > 0 && all[len(all)-1].operator == "" && i+1 < len(words): // a range
			all[len(all)-1].operator, c.operator = ">=", "<="
			i++
			number = words[i]
		}
		if c.version, ok = parseVersion(number); !ok || !slices.Contains(operators(), c.operator) {
			return nil, false
		}
		all = append(all, c)
	}
	return all, len(all) > 0
}

func operators() []string {
	return []string{"", "=", "!=", ">", "<", ">=", "=>", "<=", "=<", "~", "~>", "^"}
}

// allows reports whether a version satisfies the constraint. A prerelease satisfies only constraints that name one.
func (c versionConstraint) allows(v version) bool {
	if len(v.prerelease) > 0 && len(c.prerelease) == 0 {
		return false
	}
	order := v.compare(c.version)
	inside := order == 0
	if c.given < len(c.numbers) { // 1.2 is all of 1.2.x
		inside = v.within(c.version, c.given)
	}
	switch c.operator {
	case "!=":
		return !inside
	case ">":
		return order > 0 && !inside
	case ">=", "=>":
		return order >= 0
	case "<":
		return order < 0
	case "<=", "=<":
		return order <= 0 || inside
	case "~", "~>":
		return order >= 0 && v.within(c.version, min(c.given, 2))
	case "^":
		return order >= 0 && v.within(c.version, c.significant())
	default:
		return inside
	}
}

// significant returns how many numbers a compatible version has in common: up to the first that is not zero.
func (c versionConstraint) significant() int {
	for i := range c.given {
		if c.numbers[i] != 0 {
			return i + 1
		}
	}
	return c.given
}
