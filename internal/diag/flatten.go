package diag

import "strings"

// Flatten returns the errors that err joins with [errors.Join], at any depth, in their order; err itself if it joins
// none, and nothing for nil. An error that wraps several with fmt.Errorf stays whole: its text says more than theirs.
func Flatten(err error) []error {
	if err == nil {
		return nil
	}
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok || !onlyJoins(err, joined.Unwrap()) {
		return []error{err}
	}
	var all []error
	for _, part := range joined.Unwrap() {
		all = append(all, Flatten(part)...)
	}
	return all
}

// onlyJoins reports whether err says no more than its parts, a line each.
func onlyJoins(err error, parts []error) bool {
	lines := make([]string, len(parts))
	for i, part := range parts {
		lines[i] = part.Error()
	}
	return err.Error() == strings.Join(lines, "\n")
}
