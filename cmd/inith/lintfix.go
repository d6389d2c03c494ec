package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"github.com/inith/inith/internal/atomicfile"
	"github.com/inith/inith/internal/usererr"
)

// errFixStdin is a usage error.
var errFixStdin = errors.New("--fix writes files: name a file or a directory instead of -")

// fix makes the safe edits in the files, each on its own.
func (j *lintJob) fix(ctx context.Context) error {
	for i, f := range j.files {
		fixed, edits := j.options.linter.Fix(f)
		if edits == 0 {
			continue
		}
		if err := rewrite(f.Path, fixed); err != nil {
			return usererr.Local(err)
		}
		j.files[i].Data = fixed
		j.session.Log.InfoContext(ctx, "fixed", "path", f.Path, "edits", edits)
	}
	return nil
}

// rewrite replaces the content of a file, where a symbolic link leads too, and keeps its permission bits.
func rewrite(path string, data []byte) error {
	path, err := filepath.EvalSymlinks(path)
	if err != nil {
		return err
	}
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	f, err := atomicfile.Create(path, info.Mode().Perm())
	if err != nil {
		return err
	}
	if _, err = f.Write(data); err == nil {
		err = f.Chmod(info.Mode().Perm())
	}
	if err != nil {
		f.Discard()
		return err
	}
	return f.Commit()
}
