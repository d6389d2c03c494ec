package migrate_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/inith/inith/tasks/migrate"
)

// Run a command in one replica at a time.
func Example() {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = os.RemoveAll(dir) }()

	locker, name, err := migrate.Open("file://"+filepath.Join(dir, "migrate.lock"), migrate.Options{Host: "replica-1"})
	if err != nil {
		fmt.Println(err)
		return
	}
	err = migrate.Migration{
		Name: name, Locker: locker,
		Command: migrate.Command{Path: "/bin/sh", Argv: []string{"sh", "-c", "echo migrating; exit 3"}},
		Wait:    10 * time.Minute, Timeout: 10 * time.Minute, Grace: time.Second,
		Shared: true, // this process has its own signals
	}.Run(context.Background())
	fmt.Println(err)
	// Output:
	// migrating
	// the command ended with exit code 3
}
