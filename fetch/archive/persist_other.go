//go:build !linux

package archive

import (
	"io/fs"
	"os"
)

// persist returns when all that is in root is on the disk.
func persist(root *os.Root) error {
	return fs.WalkDir(root.FS(), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.Type()&fs.ModeSymlink != 0 {
			return bare(err)
		}
		f, err := root.Open(name)
		if err != nil {
			return bare(err)
		}
		err = f.Sync()
		if closeErr := f.Close(); err == nil {
			err = closeErr
		}
		return bare(err)
	})
}
