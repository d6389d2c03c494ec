package validate

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// An Identity is the user that an application runs as.
type Identity struct {
	UID, GID uint32
	Groups   []uint32 // supplementary groups, such as the fsGroup of a Pod
}

// ParseIdentity reads UID[:GID[,GROUP...]]. The default GID is 0, as in container runtimes for a user without a
// passwd entry.
func ParseIdentity(s string) (*Identity, error) {
	uid, groups, more := strings.Cut(s, ":")
	numbers := []string{uid}
	if more {
		numbers = append(numbers, strings.Split(groups, ",")...)
	}
	var ids []uint32
	for _, number := range numbers {
		id, err := strconv.ParseUint(number, 10, 32)
		if err != nil {
			return nil, errors.New("want UID[:GID[,GROUP...]], in numbers, such as 1000:1000,2000")
		}
		ids = append(ids, uint32(id))
	}
	identity := &Identity{UID: ids[0]}
	if more {
		identity.GID, identity.Groups = ids[1], ids[2:]
	}
	return identity, nil
}

// may reports whether the identity has a permission, given as the bit for others: 4 to read, 1 to search.
func (i *Identity) may(bit fs.FileMode, info fs.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	switch {
	case !ok || i.UID == 0:
		return true
	case i.UID == stat.Uid:
		bit <<= 6
	case i.GID == stat.Gid || slices.Contains(i.Groups, stat.Gid):
		bit <<= 3
	}
	return info.Mode().Perm()&bit != 0
}

// whyNotRead says what keeps the identity from reading a file, or "". It evaluates the mode bits of the file and of
// every directory in its path, through symbolic links. It does not try to read the file, because this process may be
// root.
func (i *Identity) whyNotRead(path string) (string, error) {
	rest, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	at := "/"
	for links := 0; ; {
		info, err := os.Lstat(at)
		switch {
		case err != nil:
			return "", err
		case info.Mode()&fs.ModeSymlink != 0:
			to, err := os.Readlink(at)
			links++
			if err != nil || links > maxLinks {
				return "", errors.Join(err, errors.New("too many symbolic links"))
			}
			if !filepath.IsAbs(to) {
				to = filepath.Dir(at) + "/" + to // not Join: what is before ".." may be a link
			}
			rest, at = to+"/"+rest, "/"
			continue
		case strings.Trim(rest, "/") == "":
			return i.refused(4, "cannot read it", info), nil
		case !i.may(1, info):
			return i.refused(1, fmt.Sprintf("cannot search the directory %q", at), info), nil
		}
		at, rest = step(at, rest)
	}
}

const maxLinks = 40

// step moves to the next element of rest, from a directory that is not a link.
func step(at, rest string) (next, remaining string) {
	element, remaining, _ := strings.Cut(strings.TrimLeft(rest, "/"), "/")
	return filepath.Join(at, element), remaining
}

func (i *Identity) refused(bit fs.FileMode, what string, info fs.FileInfo) string {
	if i.may(bit, info) {
		return ""
	}
	owner := ""
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		owner = fmt.Sprintf(", owner %d:%d", stat.Uid, stat.Gid)
	}
	return fmt.Sprintf("UID %d %s: mode %04o%s", i.UID, what, info.Mode().Perm(), owner)
}
