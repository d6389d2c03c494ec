package install_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/inith/inith/tasks/install"
)

// Put a program on a volume that other containers mount.
func Example() {
	volume, err := os.MkdirTemp("", "example")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = os.RemoveAll(volume) }()
	program := filepath.Join(volume, "source")
	if err := os.WriteFile(program, []byte("#!/bin/sh\n"), 0o600); err != nil {
		fmt.Println(err)
		return
	}

	for range 2 { // the second finds it up to date
		result, err := install.Install(context.Background(), program, filepath.Join(volume, "bin"), "tool")
		if err != nil {
			fmt.Println(err, install.Hint(err))
			return
		}
		fmt.Println(filepath.Base(result.Path), result.Size, result.UpToDate)
	}
	// Output:
	// tool 10 false
	// tool 10 true
}
