package store

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// searchOnly opens a directory that may not be read.
const searchOnly = unix.O_PATH

// allocate makes room for size bytes, so that a full volume shows before the
// transfer and not at its end. NFSv3, FUSE and ZFS cannot; on tmpfs it would take
// the memory at once.
func allocate(f *os.File, size int64) error {
	if err := f.Truncate(size); err != nil {
		return err
	}
	if onTmpfs(f) {
		return nil
	}
	err := unix.Fallocate(int(f.Fd()), 0, 0, size)
	if errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.EINVAL) {
		return nil
	}
	return err
}

func onTmpfs(f *os.File) bool {
	var s unix.Statfs_t
	return unix.Fstatfs(int(f.Fd()), &s) == nil && s.Type == unix.TMPFS_MAGIC
}

// space returns how many bytes may still be written in a directory, and whether they are
// memory. A file system without blocks (ramfs, some of FUSE) does not tell.
func space(d *directory) (free int64, tmpfs, ok bool) {
	var s unix.Statfs_t
	if unix.Fstatfs(d.fd(), &s) != nil || s.Blocks == 0 {
		return 0, false, false
	}
	return int64(s.Bavail) * s.Bsize, s.Type == unix.TMPFS_MAGIC, true //nolint:gosec // no disk has 2^63 bytes
}

// MountPoint reports whether a file system, or a part of one, is mounted at path. Where the kernel does not say so
// (before 5.8, gVisor), it is one if its device is not that of the directory above.
func MountPoint(path string) bool {
	var s unix.Statx_t
	err := unix.Statx(unix.AT_FDCWD, path, 0, 0, &s)
	if err == nil && s.Attributes_mask&unix.STATX_ATTR_MOUNT_ROOT != 0 {
		return s.Attributes&unix.STATX_ATTR_MOUNT_ROOT != 0
	}
	var own, above unix.Stat_t
	return unix.Stat(path, &own) == nil && unix.Stat(path+"/..", &above) == nil && own.Dev != above.Dev
}

// startWrite starts to write pages to the disk. Where there is no such call
// (gVisor), the last fsync writes them.
func startWrite(f *os.File, off, n int64) {
	_ = unix.SyncFileRange(int(f.Fd()), off, n, unix.SYNC_FILE_RANGE_WRITE)
}

// dropPages waits until pages are on the disk, and frees their memory.
func dropPages(f *os.File, off, n int64) {
	err := unix.SyncFileRange(int(f.Fd()), off, n, unix.SYNC_FILE_RANGE_WAIT_BEFORE|unix.SYNC_FILE_RANGE_WRITE|unix.SYNC_FILE_RANGE_WAIT_AFTER)
	if err != nil && unix.Fdatasync(int(f.Fd())) != nil {
		return
	}
	_ = unix.Fadvise(int(f.Fd()), off, n, unix.FADV_DONTNEED)
}

func syncData(f *os.File) error { return unix.Fdatasync(int(f.Fd())) }

// tryLock takes a lock that ends with the process, and that NFSv4 knows of too.
func tryLock(f *os.File) (bool, error) {
	err := unix.FcntlFlock(f.Fd(), unix.F_OFD_SETLK, &unix.Flock_t{Type: unix.F_WRLCK})
	if errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EACCES) {
		return false, nil
	}
	return err == nil, err
}

// exchange swaps two directories.
func exchange(a *directory, name string, b *directory, other string) error {
	return unix.Renameat2(a.fd(), name, b.fd(), other, unix.RENAME_EXCHANGE)
}

// shareLock tells other processes that a file is being read. The lock ends with the process.
func shareLock(f *os.File) error {
	return unix.FcntlFlock(f.Fd(), unix.F_OFD_SETLK, &unix.Flock_t{Type: unix.F_RDLCK})
}

// isShared reports whether another process reads or writes a file, as far as the file system lets us know.
func isShared(f *os.File) bool {
	lock := unix.Flock_t{Type: unix.F_WRLCK}
	return unix.FcntlFlock(f.Fd(), unix.F_OFD_GETLK, &lock) == nil && lock.Type != unix.F_UNLCK
}

// cloneFile makes a file share the bytes of another one, where the file system can: Btrfs, XFS, NFS 4.2.
func cloneFile(to, from *os.File) error { return unix.IoctlFileClone(int(to.Fd()), int(from.Fd())) }

// copyRange lets the kernel copy up to n bytes from off on.
func copyRange(to, from *os.File, off, n int64) (int64, error) {
	in, out := off, off
	copied, err := unix.CopyFileRange(int(from.Fd()), &in, int(to.Fd()), &out, int(n), 0)
	return int64(copied), err
}

// forgetPages frees the memory of pages that were read.
func forgetPages(f *os.File, off, n int64) { _ = unix.Fadvise(int(f.Fd()), off, n, unix.FADV_DONTNEED) }
