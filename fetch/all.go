package fetch

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
)

// atOnce bounds the files that are fetched at the same time, and with them the open ones.
const atOnce = 4 * DefaultConnections

// All fetches files at the same time, and returns their results in the order of files.
// The first failure ends the others, whose partial files stay for the next run.
//
// Errors are those of [Fetcher.OpenAll] and [Transfer.Run].
func (f *Fetcher) All(ctx context.Context, files []File) ([]Result, error) {
	b, err := f.OpenAll(files)
	if err != nil {
		return nil, err
	}
	return b.Run(ctx, nil)
}

// A Batch is many files on their way. It is made by [Fetcher.OpenAll].
type Batch struct{ transfers []*Transfer }

// OpenAll checks what is asked for, and that no destination is another one or inside of
// it. Nothing is written or sent. Its errors are the caller's fault, and quote no secret.
func (f *Fetcher) OpenAll(files []File) (*Batch, error) {
	b := &Batch{}
	for _, file := range files {
		t, err := f.Open(file)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", nameOf(file.URL), err)
		}
		b.transfers = append(b.transfers, t)
	}
	return b, b.checkDestinations()
}

// checkDestinations reports two files of which one would replace the other.
func (b *Batch) checkDestinations() error {
	taken := map[string]string{} // by absolute path
	for _, t := range b.transfers {
		path, err := t.absolute()
		if err != nil {
			return err
		}
		if _, twice := taken[path]; twice && path != "" {
			return fmt.Errorf("two files have the destination %q", t.Path())
		}
		taken[path] = t.Path()
	}
	for _, t := range b.transfers {
		path, _ := t.absolute()
		own := path
		for parent := filepath.Dir(path); path != "" && parent != path; path, parent = parent, filepath.Dir(parent) {
			if outer, nested := taken[parent]; nested {
				return fmt.Errorf("the destination %q is inside of another one, %q", t.Path(), outer)
			}
		}
		t.claim = func(directory string) error { return claim(taken, own, directory) }
	}
	return nil
}

// claim reports that a destination cannot be the directory that its source turned out to be: another one is in it.
func claim(taken map[string]string, own, directory string) error {
	directory, err := filepath.Abs(directory)
	if err != nil {
		return err
	}
	for path, name := range taken {
		if path != own && (path == directory || strings.HasPrefix(path, directory+string(filepath.Separator))) {
			return fmt.Errorf("the URL means a directory, and the destination %q is inside of its destination", name)
		}
	}
	return nil
}

// absolute returns the path of the destination, "" for the standard output.
func (t *Transfer) absolute() (string, error) {
	if t.dest == nil {
		return "", nil
	}
	return filepath.Abs(t.dest.Path)
}

// Transfers returns the transfers of the files, in their order.
func (b *Batch) Transfers() []*Transfer { return b.transfers }

// Status returns how each file is going.
func (b *Batch) Status() []Status {
	all := make([]Status, len(b.transfers))
	for i, t := range b.transfers {
		all[i] = t.Status()
	}
	return all
}

// Run fetches the files, as [Fetcher.All] does. Fetched, if it is not nil, is called with
// each result when it is there, also at the same time as with others.
func (b *Batch) Run(ctx context.Context, fetched func(Result)) ([]Result, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	results := make([]Result, len(b.transfers))
	var wg sync.WaitGroup
	slots := make(chan struct{}, atOnce)
	for i, t := range b.transfers {
		slots <- struct{}{}
		if ctx.Err() != nil {
			break
		}
		wg.Go(func() {
			defer func() { <-slots }()
			result, err := t.Run(ctx)
			if err != nil {
				cancel(err)
				return
			}
			results[i] = result
			if fetched != nil {
				fetched(result)
			}
		})
	}
	wg.Wait()
	return results, context.Cause(ctx)
}
