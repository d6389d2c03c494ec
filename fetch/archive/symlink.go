package archive

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"syscall"
)

// maxDetours is the most bytes of names and targets of detours in one archive. A detour
// is a symbolic link whose target has a ".." behind a name, as in releases/1/../2. Where
// that name is a directory, the link leads to where it seems to; where it is a link, the
// ".." is that of the directory that this one leads to. Which of them it is shows when all
// else is extracted: then the detours are made.
const maxDetours = 1 << 20

// staysInside reports whether a symbolic link in dir leads to a place below the root, if
// no name in front of a ".." is a link.
func staysInside(dir, target string) bool {
	if target == "" || len(target) > maxPath || strings.Contains(target, "\x00") || path.IsAbs(target) {
		return false
	}
	depth := 0
	if dir != "." {
		depth = 1 + strings.Count(dir, "/")
	}
	for part := range strings.SplitSeq(target, "/") {
		switch part {
		case "", ".":
		case "..":
			depth--
		default:
			depth++
		}
		if depth < 0 {
			return false
		}
	}
	return true
}

func leadsOut(name, target string) error {
	return refuse(name, "it is a link to %q, which may lead out of the archive", shown(target))
}

func isDetour(target string) bool {
	named := false
	for part := range strings.SplitSeq(target, "/") {
		if part == ".." && named {
			return true
		}
		named = named || part != "" && part != "." && part != ".."
	}
	return false
}

// addDetour notes a detour for makeDetours.
func (t *tree) addDetour(name, target string) error {
	clean := path.Clean(name)
	if t.detours == nil {
		t.detours = map[string]string{}
	}
	if t.detours[clean] != "" {
		return made(name, errTaken)
	}
	t.detours[clean] = target
	if t.detourSize += len(clean) + len(target); t.detourSize > maxDetours {
		return fmt.Errorf("%w: it has too many links with a \"..\" behind a name", ErrLimit)
	}
	return t.addEntry()
}

// makeDetours makes the detours, or refuses the archive if one goes by way of a link.
func (t *tree) makeDetours(ctx context.Context) error {
	names := slices.Sorted(maps.Keys(t.detours))
	for _, name := range names {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		direct, err := t.isDirect(name)
		if err != nil {
			return within(name, err)
		}
		if !direct {
			return leadsOut(name, t.detours[name])
		}
	}
	for _, name := range names {
		base, err := t.place(name)
		if err != nil {
			return err
		}
		if err := made(name, t.at.Symlink(t.detours[name], base)); err != nil {
			return err
		}
	}
	return nil
}

// isDirect reports whether no name in front of a ".." in the target of a detour is a link.
// What does not exist is none.
func (t *tree) isDirect(name string) (bool, error) {
	parts := strings.Split(t.detours[name], "/")
	last := len(parts) - 1
	for parts[last] != ".." {
		last--
	}
	at := path.Dir(name)
	for _, part := range parts[:last] {
		at = path.Join(at, part)
		info, err := t.root.Lstat(at)
		switch {
		case t.detours[at] != "":
			return false, nil
		case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR):
		case err != nil:
			return false, err
		case info.Mode().Type() == fs.ModeSymlink:
			return false, nil
		}
	}
	return true, nil
}
