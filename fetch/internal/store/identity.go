package store

import (
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// An Identity tells a file from all others, and from itself before a change.
type Identity struct {
	Device  uint64 `json:"device"`
	Inode   uint64 `json:"inode"`
	Size    int64  `json:"size"`    // bytes
	Changed int64  `json:"changed"` // the time of the last change of status, in Unix nanoseconds; nobody can set it
}

// sameFile reports whether both are of one file, whatever was changed of it.
func (i Identity) sameFile(other Identity) bool {
	return i.Device == other.Device && i.Inode == other.Inode
}

// A stat is what the system says of a file.
type stat struct{ unix.Stat_t }

func statOf(f *os.File) (stat, error) {
	var s stat
	err := unix.Fstat(int(f.Fd()), &s.Stat_t)
	return s, err
}

func (s *stat) regular() bool   { return s.Mode&unix.S_IFMT == unix.S_IFREG }
func (s *stat) directory() bool { return s.Mode&unix.S_IFMT == unix.S_IFDIR }

func (s *stat) modified() time.Time { return time.Unix(s.Mtim.Unix()) }

func (s *stat) identity() Identity {
	return Identity{
		Device: uint64(s.Dev), //nolint:unconvert // an int32 on other systems
		Inode:  s.Ino, Size: s.Size, Changed: s.Ctim.Nano(),
	}
}

// identityOf returns that of an open file; the zero Identity, which is of no file,
// where the system does not say.
func identityOf(f *os.File) Identity {
	s, err := statOf(f)
	if err != nil {
		return Identity{}
	}
	return s.identity()
}
