// Package lazyregexp compiles regular expressions once, when they are first needed: a command pays for none that it does not
// use, and a loop pays once.
package lazyregexp

import (
	"regexp"
	"sync"
)

// New returns a function that returns the compiled expression. It panics at the first call if expr is not valid.
func New(expr string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expr) })
}
