// Package environ reads variables of an environment as [os.Environ] returns it.
package environ

import "strings"

// Get returns the value of a variable: the last one, as execve(2) passes it to most programs. It is "" if the variable is
// not set.
func Get(env []string, name string) (value string) {
	value, _ = Lookup(env, name)
	return value
}

// Lookup returns the value of a variable, and whether it is set.
func Lookup(env []string, name string) (value string, set bool) {
	for _, pair := range env {
		if v, ok := strings.CutPrefix(pair, name+"="); ok {
			value, set = v, true
		}
	}
	return value, set
}
