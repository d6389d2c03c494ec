package store

import (
	"cmp"
	"errors"
	"os"
	"path"
	"strings"
	"sync"
)

// Sync returns when files of the stage are on the disk, as they were when they were recorded. A file system makes many
// last at once, if they are asked for together.
func (s *Stage) Sync(names []string) error {
	const together = 16
	var wg sync.WaitGroup
	errs := make([]error, together)
	for i := range together {
		wg.Go(func() {
			for n := i; n < len(names) && errs[i] == nil; n += together {
				errs[i] = s.syncFile(names[n])
			}
		})
	}
	wg.Wait()
	if err := cmp.Or(errs...); err != nil {
		return refused("write", err)
	}
	if err := s.root.syncAll(); err != nil {
		return refused("write the directory of", err)
	}
	return nil
}

// errReplaced means that somebody else writes to the state.
var errReplaced = errors.New("it was replaced or changed after it had been verified")

func (s *Stage) syncFile(name string) error {
	parent, err := s.root.descend(path.Dir(name), (*directory).sub)
	if err != nil {
		return err
	}
	defer parent.close()
	f, err := parent.open(path.Base(name), os.O_RDONLY, 0)
	if err != nil {
		return err
	}
	if s.finished[name].File != identityOf(f) {
		err = parent.failed("open", name, errReplaced)
	} else {
		err = syncData(f)
	}
	return cmp.Or(err, f.Close())
}

// syncAll makes all names in a directory, and in those in it, last.
func (d *directory) syncAll() error {
	for _, name := range d.names() {
		below, err := d.sub(name)
		if err != nil {
			continue // a file
		}
		err = below.syncAll()
		below.close()
		if err != nil {
			return err
		}
	}
	return d.sync()
}

func bootID() string {
	b, _ := os.ReadFile("/proc/sys/kernel/random/boot_id")
	return strings.TrimSpace(string(b))
}
