package files_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/inith/inith/tasks/files"
)

// Prepare a directory and a file in it, as mkdir, cp and chmod would.
func Example() {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = os.RemoveAll(dir) }()
	source := filepath.Join(dir, "app.conf")
	if err := os.WriteFile(source, []byte("port = 80"), 0o600); err != nil {
		fmt.Println(err)
		return
	}

	data := filepath.Join(dir, "data")
	err = files.Run(context.Background(), []files.Action{
		{Mkdir: data, Mode: 0o750},
		{Copy: source, To: data + "/", Mode: 0o640},
	})
	if err != nil {
		fmt.Println(err, files.Hint(err))
		return
	}
	info, err := os.Stat(filepath.Join(data, "app.conf"))
	fmt.Println(info.Mode(), err)
	// Output: -rw-r----- <nil>
}
