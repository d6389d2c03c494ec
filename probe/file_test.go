package probe_test

import (
	"path/filepath"
	"testing"

	"github.com/inith/inith/probe"
)

func TestFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	name := filepath.Join(dir, "a b")
	check(t, "file://"+dir+"/a%20b", notYet, "does not exist (yet)")
	rewrite(t, name, "12345")
	check(t, "file://"+dir+"/a%20b", ready, "")
	check(t, "file://"+dir+"/a%20b#min-size=5", ready, "")
	check(t, "file://"+dir+"/a%20b#min-size=6", notYet, "smaller than min-size")
	check(t, "file://"+dir+"/a%20b#min-size=1KiB", notYet, "smaller than min-size")
	check(t, "file://"+dir+"/a%20b/c", notYet, "does not exist (yet)")
	check(t, "file://"+dir, ready, "")
	check(t, "file://"+dir+"#min-size=1", notYet, "a directory")
	for raw, want := range map[string]string{
		"file://data/x":           "three slashes",
		"file:///x#min-size=-1":   "not a size",
		"file:///x#min-size=much": "not a size",
		"file:///x#level=tcp":     "has no level tcp",
	} {
		_, err := probe.Open(raw, probe.Options{})
		checkVerdict(t, err, notYet, want)
	}
}
