package source

import (
	"fmt"
	"io/fs"
	"syscall"
)

// version names the state of a file, as a strong entity tag: it changes with the bytes, unless somebody sets back the clock.
func version(info fs.FileInfo) string {
	s, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return fmt.Sprintf(`"%d-%d"`, info.Size(), info.ModTime().UnixNano())
	}
	return fmt.Sprintf(`"%d-%d-%d-%d-%d"`, s.Dev, s.Ino, s.Size, s.Mtim.Nano(), s.Ctim.Nano())
}
