package store

import (
	"errors"
	"io/fs"
	"os"
	"slices"

	"golang.org/x/sys/unix"
)

// openShared opens .inith, which all users share: it has the write bits of the
// directory that it is in, and none may remove what is another's.
func (d *directory) openShared() (*directory, error) {
	shared, err := d.sub(sharedName)
	if !errors.Is(err, fs.ErrNotExist) {
		return shared, err
	}
	shared, err = d.mkdir(sharedName, 0o755)
	if errors.Is(err, fs.ErrExist) { // another process was faster
		return d.sub(sharedName)
	}
	if err != nil {
		return nil, err
	}
	if s, err := statOf(d.f); err == nil {
		const permissions, setGroup = 0o777, 0o2000
		_ = unix.Fchmod(shared.fd(), uint32(s.Mode)&(permissions|setGroup)|unix.S_ISVTX|0o700) //nolint:unconvert // 16 bits elsewhere
	}
	return shared, nil
}

// openOwnDirectory opens the directory for this user's state, and reports whether
// nobody else can have written to it.
func (d *directory) openOwnDirectory() (own *directory, safe bool, err error) {
	own, err = d.mkdir(ownName(), 0o700)
	created := err == nil
	if errors.Is(err, fs.ErrExist) {
		own, err = d.sub(ownName())
	}
	if err != nil {
		return nil, false, err
	}
	if created {
		_ = unix.Fchmod(own.fd(), 0o700) // whatever the umask and the default ACL are
	}
	if isSafe(own) {
		return own, true, nil
	}
	return own, own.emptied(), nil
}

// isSafe reports whether a directory can be written to by this user alone. With
// fsGroup, the kubelet gives all directories of a volume to a group of the Pod's: that
// group is tolerated.
func isSafe(d *directory) bool {
	s, err := statOf(d.f)
	if err != nil || int(s.Uid) != os.Geteuid() || s.Mode&0o002 != 0 {
		return false
	}
	return s.Mode&0o020 == 0 || inGroup(int(s.Gid))
}

func inGroup(gid int) bool {
	groups, _ := os.Getgroups()
	return gid == os.Getegid() || slices.Contains(groups, gid)
}

// emptied makes a directory safe that others can write to: it takes the permission
// from them, and removes what they may have left. It reports whether the directory is
// safe then.
func (d *directory) emptied() bool {
	if unix.Fchmod(d.fd(), 0o700) != nil || !isSafe(d) {
		return false
	}
	r, err := d.root()
	if err != nil {
		return false
	}
	defer func() { _ = r.Close() }()
	for _, name := range d.names() {
		err = errors.Join(err, r.RemoveAll(name))
	}
	return err == nil
}
