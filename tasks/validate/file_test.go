package validate_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/inith/inith/tasks/validate"
)

// found returns the rules that are broken, with the messages.
func found(t *testing.T, rules validate.Rules) []string {
	t.Helper()
	v := &validate.Validator{Rules: rules}
	report, err := v.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, f := range report.Findings {
		all = append(all, f.Rule+": "+f.Message)
	}
	return all
}

func write(t *testing.T, path, content string, mode fs.FileMode) string {
	t.Helper()
	err := os.MkdirAll(filepath.Dir(path), 0o755)
	err = errors.Join(err, os.WriteFile(path, []byte(content), 0o600), os.Chmod(path, mode))
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// TestReadableAs goes through the bits of a file and of the directories that lead to
// it, for users who are not the one who runs the test.
func TestReadableAs(t *testing.T) {
	t.Parallel()
	uid, gid := uint32(os.Getuid()), uint32(os.Getgid())
	owner := &validate.Identity{UID: uid, GID: gid}
	if uid == 0 { // reads everything: the file is given to another
		owner = &validate.Identity{UID: 4242, GID: 4242}
	}
	group := &validate.Identity{UID: uid + 1, GID: gid}
	more := &validate.Identity{UID: uid + 1, GID: gid + 1, Groups: []uint32{gid + 2, gid}}
	other := &validate.Identity{UID: uid + 1, GID: gid + 1}
	for _, tt := range []struct {
		name         string
		file, parent fs.FileMode
		as           *validate.Identity
		want         string // "" if it can be read
	}{
		{"owner", 0o400, 0o700, owner, ""},
		{"owner who took it away", 0o044, 0o755, owner, "cannot read it: mode 0044"},
		{"group", 0o040, 0o710, group, ""},
		{"group is not asked as other", 0o604, 0o755, group, "cannot read it: mode 0604"},
		{"fsGroup", 0o440, 0o750, more, ""},
		{"other", 0o004, 0o701, other, ""},
		{"not other", 0o640, 0o755, other, "cannot read it: mode 0640"},
		{"parent of the group", 0o444, 0o700, group, "cannot search the directory"},
		{"parent that can be read but not searched", 0o444, 0o744, other, "cannot search the directory"},
		{"root", 0o000, 0o700, &validate.Identity{}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			write(t, filepath.Join(dir, "parent", "file"), "x", tt.file)
			if err := errors.Join(os.Chmod(filepath.Dir(dir), 0o755), os.Chmod(filepath.Join(dir, "parent"), tt.parent), os.Symlink("parent", filepath.Join(dir, "link")), os.Symlink("../link/file", filepath.Join(dir, "parent", "again"))); err != nil {
				t.Fatal(err)
			}
			if tt.as == owner {
				own := func(path string) error { return os.Chown(path, int(owner.UID), int(owner.GID)) }
				if err := errors.Join(own(filepath.Join(dir, "parent")), own(filepath.Join(dir, "parent", "file"))); err != nil {
					t.Fatal(err)
				}
			}
			for _, name := range []string{"parent/file", "link/file", "parent/../link/./file", "link/again"} {
				got := found(t, validate.Rules{Files: []validate.FileRule{{Path: dir + "/" + name, ReadableBy: tt.as}}})
				got = strings.Split(strings.Join(got, "\n"), "\n")[:1]
				if tt.want == "" != (got[0] == "" || uid != 0 && strings.HasPrefix(got[0], "unreadable: ")) || !strings.Contains(got[0], tt.want) {
					t.Errorf("%s: got %q, want %q", name, got, tt.want)
				}
			}
		})
	}
}

func TestParseIdentity(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]*validate.Identity{
		"1000":           {UID: 1000},
		"1000:1000":      {UID: 1000, GID: 1000},
		"1000:0,2000,30": {UID: 1000, Groups: []uint32{2000, 30}},
		"":               nil,
		"app":            nil,
		"1000:":          nil,
		"1:2:3":          nil,
		"-1":             nil,
		"4294967296":     nil,
	} {
		got, err := validate.ParseIdentity(in)
		if (err == nil) != (want != nil) {
			t.Errorf("%q: %v", in, err)
			continue
		}
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%q (-want +got):\n%s", in, diff)
		}
	}
}

// TestFolder reads a volume as the kubelet writes it.
func TestFolder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir+"/..2026/a.yaml", "a: 1\na: 2\n", 0o644)
	write(t, dir+"/..2026/nested/b.yaml", "a: 1\na: 2\n", 0o644)
	write(t, dir+"/.hidden.yaml", "a: 1\na: 2\n", 0o644)
	for from, to := range map[string]string{"..data": "..2026", "a.yaml": "..data/a.yaml", "nested": "..data/nested", "loop": "."} {
		if err := os.Symlink(to, filepath.Join(dir, from)); err != nil {
			t.Fatal(err)
		}
	}
	v := &validate.Validator{Rules: validate.Rules{Files: []validate.FileRule{{Path: dir, Directory: true}}}}
	report, err := v.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]bool{}
	for _, f := range report.Findings {
		name, _ := filepath.Rel(dir, f.Path)
		got[name] = true
	}
	for _, name := range []string{"a.yaml", "nested/b.yaml", ".hidden.yaml"} {
		if !got[name] {
			t.Errorf("%s was not looked at", name)
		}
	}
	for name := range got {
		if strings.Contains(name, "..") {
			t.Errorf("%s was looked at", name)
		}
	}
}

// TestLargeFile holds the reader to what it may keep: a hash needs no memory.
func TestLargeFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "model.yaml")
	if err := errors.Join(os.WriteFile(path, nil, 0o600), os.Truncate(path, 64<<20)); err != nil {
		t.Fatal(err)
	}
	zeros := "3b6a07d0d404fab4e23b6d34bc6696a6a312dd92821332385e5af7c01c421351"
	got := found(t, validate.Rules{Files: []validate.FileRule{
		{Path: path, SHA256: zeros},
		{Path: path, Format: "text"},
	}})
	want := []string{
		"too-large: it has more than 2.0 MiB, too large to check its content",
		"too-large: it has more than 8.0 MiB, too large to check its content",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestAppearWithin has the other checks made while a file is awaited.
func TestAppearWithin(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	there := write(t, dir+"/there.yaml", "a: 1\n", 0o644)
	late := filepath.Join(dir, "late.yaml")
	v := &validate.Validator{}
	v.Rules = validate.Rules{Files: []validate.FileRule{
		{Path: late, AppearWithin: time.Minute}, {Path: there, Checks: []validate.Check{checkFunc(func() error {
			for !slices.Contains(v.Awaited(), late) {
				runtime.Gosched()
			}
			return os.WriteFile(late, []byte("a: 1\na: 2\n"), 0o600)
		})}},
	}}
	report, err := v.Run(t.Context())
	if err != nil || len(report.Findings) != 1 || report.Findings[0].Rule != "duplicate-key" || report.Files != 2 {
		t.Errorf("got %+v, %v", report, err)
	}
	if awaited := v.Awaited(); len(awaited) != 0 {
		t.Errorf("still awaited: %v", awaited)
	}
}

type checkFunc func() error

func (f checkFunc) Check(context.Context, validate.Input) ([]validate.Problem, error) {
	return nil, f()
}

// TestRunEnds returns the cause of the context, and what was found until then.
func TestRunEnds(t *testing.T) {
	t.Parallel()
	enough := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	path := write(t, t.TempDir()+"/a.yaml", "a: 1\na: 2\n", 0o644)
	v := &validate.Validator{Rules: validate.Rules{Files: []validate.FileRule{
		{Path: path + ".late", AppearWithin: time.Hour},
		{Path: path, Checks: []validate.Check{checkFunc(func() error { cancel(enough); return nil })}},
	}}}
	report, err := v.Run(ctx)
	if !errors.Is(err, enough) || len(report.Findings) != 1 {
		t.Errorf("got %+v, %v", report, err)
	}
	broken := errors.New("cannot look")
	v.Rules.Files = v.Rules.Files[1:]
	v.Rules.Files[0].Checks = []validate.Check{checkFunc(func() error { return broken })}
	if _, err := v.Run(t.Context()); !errors.Is(err, broken) {
		t.Errorf("got %v, want why a check could not look", err)
	}
	v.Rules.Files[0].Checks = []validate.Check{checkFunc(func() error { panic("a value") })}
	if _, err := v.Run(t.Context()); err == nil || strings.Contains(err.Error(), "value") {
		t.Errorf("got %v, want a crash without what it says", err)
	}
}

// TestManyProblems bounds what a bad file costs.
func TestManyProblems(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	for i := range 50_000 {
		fmt.Fprintf(&b, "k%d: ${X}\n", i)
	}
	path := write(t, t.TempDir()+"/a.yaml", b.String(), 0o644)
	got := found(t, validate.Rules{Files: []validate.FileRule{{Path: path}}})
	if len(got) != 501 || !strings.HasPrefix(got[0], "too-many: ") {
		t.Errorf("%d problems, the first %q", len(got), got[0])
	}
}
