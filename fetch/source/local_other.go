//go:build !linux

package source

import (
	"fmt"
	"io/fs"
)

// version names the state of a file, as a strong entity tag: it changes with the bytes, unless somebody sets back the clock.
func version(info fs.FileInfo) string {
	return fmt.Sprintf(`"%d-%d"`, info.Size(), info.ModTime().UnixNano())
}
