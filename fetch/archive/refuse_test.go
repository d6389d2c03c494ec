package archive_test

import (
	"archive/tar"
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/inith/inith/fetch/archive"
)

// escapes reports whether what is in the root leads outside of it, to something
// that is there or not.
func (p place) escapes(name string) bool {
	root, err := os.OpenRoot(p.root)
	if err != nil {
		return true
	}
	defer func() { _ = root.Close() }()
	_, err = root.Stat(name)
	return err != nil && strings.Contains(err.Error(), "escapes")
}

// has returns what tells whether a naive extraction made something with a mode.
func has(name string, mode fs.FileMode) func(place) bool {
	return func(p place) bool {
		info, err := os.Lstat(filepath.Join(p.root, name))
		return err == nil && info.Mode()&mode == mode
	}
}

func touched(p place) bool { return !p.untouched() }

func leads(name string) func(place) bool { return func(p place) bool { return p.escapes(name) } }

func replaced(name, content string) func(place) bool {
	return func(p place) bool {
		got, err := os.ReadFile(filepath.Join(p.root, name))
		return err == nil && string(got) == content
	}
}

// A refusal is an archive of which something must be refused.
type refusal struct {
	name    string
	members []member         // with OUT for the directory that root is in
	entry   string           // that is refused
	reason  string           // a part of it
	harm    func(place) bool // that a naive extraction does, nil: none of its own
}

// refused are those that any kind of archive can have.
var refused = []refusal{
	{"parent", []member{file("../outside/new", "x")}, "../outside/new", `".."`, touched},
	{"parent in the middle", []member{file("a/../../outside/file", "x")}, "a/../../outside/file", `".."`, touched},
	{"parent that stays", []member{file("a/../b", "x")}, "a/../b", `".."`, nil},
	{"parent alone", []member{directory("..")}, "..", `".."`, nil},
	{"absolute", []member{file("OUT/outside/file", "x")}, "OUT/outside/file", "absolute", touched},
	{"root as a file", []member{file(".", "x")}, ".", "only a directory", nil},
	{"too long", []member{file(strings.Repeat("a/", 2100)+"b", "x")}, strings.Repeat("a/", 49) + "a…", "longer than 4096", nil},

	{"link to an absolute path", []member{symlink("l", "OUT/outside")}, "l", "lead out", leads("l")},
	{"link out", []member{symlink("a/l", "../../outside")}, "a/l", "lead out", nil},
	{"link to what the root is in", []member{symlink("l", "..")}, "l", "lead out", leads("l")},
	{"link to nothing", []member{symlink("l", "")}, "l", "lead out", nil},
	{
		"link out by way of a link that looks deeper than it is",
		[]member{directory("a/b/c"), symlink("a/b/c/up", "../../.."), symlink("l", "a/b/c/up/../outside")},
		"l", "lead out", leads("l"),
	},
	{
		"link out by way of a link, from as deep as it leads up",
		[]member{directory("a/b/c"), symlink("a/b/c/up", "../../.."), symlink("a/b/c/l", "up/../outside")},
		"a/b/c/l", "lead out", leads("a/b/c/l"),
	},
	{
		"link out by way of a link that comes later",
		[]member{symlink("l", "a/b/c/up/../outside"), directory("a/b/c"), symlink("a/b/c/up", "../../..")},
		"l", "lead out", leads("l"),
	},
	{
		"link out by way of a link to what does not exist",
		[]member{symlink("a/l", "n/../up/../../outside"), symlink("a/up", "..")},
		"a/l", "lead out", nil,
	},
	{"link by way of another such link", []member{directory("a"), symlink("k", "a/../a"), symlink("l", "k/../x")}, "l", "lead out", nil},
	{"such a link twice", []member{directory("a"), symlink("l", "a/../x"), symlink("l", "a/../y")}, "l", "duplicate", nil},
	{"file over such a link", []member{directory("a"), symlink("l", "a/../x"), file("l", "y")}, "l", "duplicate", replaced("x", "y")},
	{"file through such a link", []member{directory("a"), symlink("l", "a/../a"), file("l/x", "y")}, "l", "duplicate", replaced("a/x", "y")},
	{"link by way of a link that stays", []member{directory("a/b"), symlink("s", "a/b"), symlink("l", "s/../x")}, "l", "lead out", nil},
	{"link out and in again", []member{directory("a"), symlink("l", "a/../../root/x")}, "l", "lead out", nil},
	{"file through a link", []member{symlink("l", "../outside"), file("l/file", "x")}, "l", "lead out", touched},
	{
		"file through a link that stays",
		[]member{directory("a"), symlink("l", "a"), file("l/file", "x")},
		"l/file", "duplicate", replaced("a/file", "x"),
	},
	{
		"folder through a link",
		[]member{directory("a"), symlink("l", "a"), directory("l/b")},
		"l/b", "duplicate", has("a/b", fs.ModeDir),
	},
	{"folder in place of a link", []member{directory("a"), symlink("l", "a"), directory("l")}, "l", "duplicate", nil},
	{"file over a link", []member{symlink("l", "a"), file("l", "x")}, "l", "duplicate", replaced("a", "x")},
	{"file twice", []member{file("a", "1"), file("./a", "2")}, "./a", "duplicate", replaced("a", "2")},
	{"file in place of a folder", []member{file("a/b", "1"), file("a", "2")}, "a", "duplicate", nil},
	{"folder in place of a file", []member{file("a", "1"), file("a/b", "2")}, "a/b", "duplicate", nil},
	{"link in place of a folder", []member{directory("a"), symlink("a", "b")}, "a", "duplicate", nil},

	{"pipe", []member{{name: "p", kind: tar.TypeFifo}}, "p", "pipe", nil},
	{"device", []member{{name: "d", kind: tar.TypeChar}}, "d", "device", nil},
	{"disk", []member{{name: "d", kind: tar.TypeBlock}}, "d", "device", nil},
	{"what steers a terminal", []member{file("../\x1b[2J\n\u202e", "x")}, "../ [2J  ", `".."`, nil},
}

// refusedTar are those that only tar can have.
var refusedTar = []refusal{
	{
		"hard link out",
		[]member{link("l", "../outside/file"), file("l", "x")},
		"l", "leads out", func(p place) bool { return replaced("l", "x")(p) && touched(p) },
	},
	{"hard link to an absolute path", []member{link("l", "/etc/passwd")}, "l", "leads out", nil},
	{"hard link to what comes later", []member{link("l", "a"), file("a", "x")}, "l", "comes before", nil},
	{"hard link to a folder", []member{directory("a"), link("l", "a")}, "l", "comes before", nil},
	{"hard link to the root", []member{link("l", ".")}, "l", "comes before", nil},
	{
		"hard link to a link that leads out from there",
		[]member{directory("a"), symlink("a/s", "../b"), link("l", "a/s")},
		"l", "lead out", leads("l"),
	},
	{
		"hard link to a link that leads out by way of a link from there",
		[]member{directory("a"), symlink("a/s", "up/../b"), directory("a/up"), directory("d"), symlink("d/up", "../a"), link("d/l", "a/s")},
		"d/l", "lead out", has("d/up", fs.ModeSymlink),
	},
	{
		"hard link through a link",
		[]member{file("a/b", "x"), symlink("s", "a"), link("l", "s/b")},
		"l", "comes before", replaced("l", "x"),
	},
	{"hard link over a file", []member{file("a", "1"), file("b", "2"), link("b", "a")}, "b", "duplicate", nil},
	{"unknown type", []member{{name: "v", kind: 'M'}}, "v", "type 'M'", nil},
}

func TestRefused(t *testing.T) {
	for _, r := range slices.Concat(refused, refusedTar) {
		t.Run("tar/"+r.name, func(t *testing.T) { r.test(t, makeTar) })
	}
	for _, r := range refused {
		for i, m := range r.members {
			if m.kind == tar.TypeDir {
				r.members = slices.Clone(r.members)
				r.members[i].name += "/"
			}
		}
		t.Run("zip/"+r.name, func(t *testing.T) { r.test(t, makeZip) })
	}
	socket := refusal{"socket", []member{{name: "s", kind: 's'}}, "s", "socket", nil}
	t.Run("zip/socket", func(t *testing.T) { socket.test(t, makeZip) })
}

func (r refusal) test(t *testing.T, build func(testing.TB, ...member) []byte) {
	t.Helper()
	in := func(p place) []byte {
		members := slices.Clone(r.members)
		for i, m := range members {
			members[i].name = strings.Replace(m.name, "OUT", p.parent, 1)
			members[i].target = strings.Replace(m.target, "OUT", p.parent, 1)
		}
		return build(t, members...)
	}
	if victim := newPlace(t); r.harm != nil {
		if victim.naive(t, in(victim)); !r.harm(victim) {
			t.Fatal("a naive extraction does no harm: this case shows nothing")
		}
	}
	p := newPlace(t)
	_, err := p.extract(t, "x", in(p), archive.Limits{})
	e, ok := errors.AsType[*archive.EntryError](err)
	if !ok {
		t.Fatalf("err = %v, want an EntryError", err)
	}
	entry := strings.Replace(r.entry, "OUT", p.parent, 1)
	if strings.TrimSuffix(e.Entry, "/") != entry || !strings.Contains(e.Reason, r.reason) {
		t.Errorf("got %q: %q, want %q: %q", e.Entry, e.Reason, entry, r.reason)
	}
}

// TestPermissions shows what a naive extraction keeps.
func TestPermissions(t *testing.T) {
	data := makeTar(t, member{name: "su", kind: tar.TypeReg, body: "x", mode: 0o777 | fs.ModeSetuid})
	const bits = fs.ModeSetuid | fs.ModeSetgid | fs.ModeSticky | 0o022
	victim, p := newPlace(t), newPlace(t)
	if victim.naive(t, data); !has("su", bits)(victim) {
		t.Fatal("a naive extraction does no harm")
	}
	if _, err := p.extract(t, "x", data, archive.Limits{}); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(filepath.Join(p.root, "su")); err != nil || info.Mode()&bits != 0 {
		t.Errorf("got %v, %v", info.Mode(), err)
	}
}

// TestRefusedZip has what only zip can have. Most of it takes a byte or two of
// the directory, which stands for what the entry is.
func TestRefusedZip(t *testing.T) {
	set := func(at int, b ...byte) func(entry []byte) { return func(entry []byte) { copy(entry[at:], b) } }
	for _, tt := range []struct {
		name, entry string
		change      func(entry []byte)
		reason      string
	}{
		{"backslash", `..\outside`, nil, "backslash"},
		{"drive", `C:/x`, nil, "drive"},
		{"NUL", "a\x00b", nil, "NUL"},
		{"no name", "", nil, "no name"},
		{"encrypted", "a", set(8, 1), "encrypted"},
		{"encrypted strongly", "a", set(8, 64), "encrypted"},
		{"unknown method", "a", set(10, 93), "method 93"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			data := makeZip(t, file(tt.entry, "content"))
			if tt.change != nil {
				tt.change(data[bytes.Index(data, []byte("PK\x01\x02")):])
			}
			_, err := newPlace(t).extract(t, "x", data, archive.Limits{})
			if e, ok := errors.AsType[*archive.EntryError](err); !ok || !strings.Contains(e.Reason, tt.reason) {
				t.Errorf("err = %v, want one about %q", err, tt.reason)
			}
		})
	}
}

// TestSystemErrors are neither the archive's fault nor hidden.
func TestSystemErrors(t *testing.T) {
	name := strings.Repeat("n", 300)
	_, err := newPlace(t).extract(t, "x", makeTar(t, file(name, "x")), archive.Limits{})
	if !errors.Is(err, syscall.ENAMETOOLONG) || errors.Is(err, archive.ErrFormat) || len(err.Error()) > 200 {
		t.Errorf("err = %v", err)
	}
}
