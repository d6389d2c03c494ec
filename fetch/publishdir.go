package fetch

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/inith/inith/fetch/internal/store"
	"github.com/inith/inith/internal/usererr"
)

// publish puts the files of the stage to the destination.
func (d *directory) publish(ctx context.Context, stage *store.Stage, fetched []*member) (Result, error) {
	d.enter(Syncing)
	var names []string
	for _, m := range fetched {
		names = append(names, m.Name)
	}
	if d.file.WriteSums {
		var err error
		if d.listed, err = stage.Write(sumsName, d.sums()); err != nil {
			return Result{}, err
		}
		names = append(names, sumsName) // the last one
	}
	if err := stage.Sync(names); err != nil {
		return Result{}, err
	}
	if err := d.checkKept(ctx); err != nil {
		return Result{}, err
	}
	d.enter(Renaming)
	if err := d.replace(ctx, stage, names); err != nil {
		return Result{}, err
	}
	if err := d.writeLayout(); err != nil {
		return Result{}, err
	}
	stage.Remove() // before the record: what has two names changes when it loses one
	if err := d.confirmDirectory(ctx); err != nil {
		return Result{}, err
	}
	d.reportOthers(ctx)
	return d.result(), nil
}

// checkKept reports a file that was at the destination, and has other bytes since others were fetched. One that was only
// touched, such as by the end of a second name that a killed run had given it, is hashed.
func (d *directory) checkKept(ctx context.Context) error {
	view := d.at.View()
	defer view.Close()
	for _, m := range d.files {
		now := view.Identity(m.Name)
		if !m.kept || now == m.record.File {
			continue
		}
		r := d.recognized(ctx, view, m, m.record, now)
		if r == nil {
			return cmp.Or(context.Cause(ctx), store.Refusal(fmt.Sprintf("the file %q was intact, and changed while others were fetched", m.Name),
				"Let one process write to the destination, and run inith again: what was fetched is kept.", nil))
		}
		m.record = r
	}
	return nil
}

// replace replaces the directory as a whole if that is possible and worth it, else its files.
func (d *directory) replace(ctx context.Context, stage *store.Stage, names []string) error {
	err := store.ErrInPlace
	if len(names) > 0 && !d.file.InPlace && d.layout == nil {
		err = stage.Replace(d.keeps(), !d.file.Delete)
	}
	if !errors.Is(err, store.ErrInPlace) {
		return err
	}
	d.log.InfoContext(ctx, "replacing the files of the directory one after the other", "path", d.at.Path)
	blocking := d.blocking() // which are to be deleted, or it would be an error
	first := blocking
	if d.file.WriteSums {
		first = append(slices.Clip(first), sumsName)
	}
	if err := d.at.Delete(first); err != nil {
		return err
	}
	if err := stage.Merge(names); err != nil || !d.file.Delete {
		return err
	}
	return d.at.Delete(slices.DeleteFunc(slices.Clone(d.others), func(name string) bool { return slices.Contains(blocking, name) }))
}

// keeps returns the paths of the directory at the destination that the new one has too.
func (d *directory) keeps() []string {
	var names []string
	for _, m := range d.files {
		if m.kept {
			names = append(names, m.Name)
		}
	}
	if d.file.Delete {
		return names
	}
	return append(names, d.others...)
}

// confirmDirectory checks that the files at the destination are those that were verified, and writes the record.
func (d *directory) confirmDirectory(ctx context.Context) error {
	d.enter(Recording)
	view := d.at.View()
	defer view.Close()
	for _, m := range d.files {
		if err := confirmFile(view, m.Name, &m.record.File); err != nil {
			return err
		}
	}
	if d.file.WriteSums {
		if err := confirmFile(view, sumsName, &d.listed); err != nil {
			return err
		}
	}
	d.writeRecord(ctx)
	return nil
}

// confirmFile compares what is at the destination with what was verified, which has another identity by now.
func confirmFile(view *store.View, name string, verified *store.Identity) error {
	now := view.Identity(name)
	if now.Device != verified.Device || now.Inode != verified.Inode || now.Size != verified.Size {
		return store.Refusal(fmt.Sprintf("the file %q was replaced after it had been verified", name),
			"Let one process write to the destination. If names of the directory differ only in upper and lower case, use a volume that tells them apart.", nil)
	}
	*verified = now
	return nil
}

// writeRecord writes the record. Without one the next run has more to do, and the result is no less right.
func (d *directory) writeRecord(ctx context.Context) {
	r := &store.DirectoryRecord{
		Source: store.ID(d.name), Revision: d.revision, Selection: d.file.selection(), Sums: d.listed, Files: map[string]*store.FileRecord{},
	}
	if d.layout != nil {
		r.Links, r.Ref = d.layout.links, d.layout.ref
	}
	for _, m := range d.files {
		r.Files[m.Name] = m.record
	}
	if err := d.at.WriteDirectoryRecord(r); err != nil {
		d.log.WarnContext(ctx, "no record written: the next run will hash the files again", "err", err)
	}
}

// upToDate ends a run that has nothing to fetch.
func (d *directory) upToDate(ctx context.Context) Result {
	if d.at.Safe() && d.outdated() {
		d.writeRecord(ctx)
	}
	d.crowd.skipped.Store(bytesOf(d.files))
	d.reportOthers(ctx)
	result := d.result()
	result.Skipped = true
	return result
}

// outdated reports whether the record is not the one of what is at the destination.
func (d *directory) outdated() bool {
	r := d.record
	if r == nil || r.Revision != d.revision || r.Source != store.ID(d.name) || r.Selection != d.file.selection() || r.Sums != d.listed || len(r.Files) != len(d.files) {
		return true
	}
	for _, m := range d.files {
		if known := r.Files[m.Name]; known == nil || known.File != m.record.File {
			return true
		}
	}
	return false
}

// result describes what is at the destination.
func (d *directory) result() Result {
	result := Result{
		Path: d.at.Path, Source: d.name, Files: len(d.files), Commit: d.revision, Evidence: EvidencePinned,
		Resumed: d.crowd.snapshot().Present,
	}
	for _, m := range d.files {
		level, _ := evidenceNamed(m.record.Evidence)
		result.Size += m.record.File.Size
		result.Evidence = min(result.Evidence, level)
	}
	return result
}

// notForDirectories reports an option that has no meaning for a directory.
func notForDirectories(file File) error {
	var why string
	switch {
	case file.Digest != (Digest{}):
		why = "a digest is of one file"
	case file.SumsURL != nil && !file.listed():
		why = "a list of digests is for one file"
	case file.Extract:
		why = "an archive is one file"
	case len(file.Mirrors) > 0:
		why = "mirrors are for one file"
	case file.Dest == "-":
		why = "only one file can be written to the standard output"
	default:
		return nil
	}
	return &usererr.Error{Text: "the URL means a directory, and " + why, Hint: "Name a file of the directory."}
}

// notForFiles reports an option that has no meaning for a file.
func notForFiles(file File) error {
	option := cmp.Or(
		nameIf("--include", len(file.Include) > 0), nameIf("--exclude", len(file.Exclude) > 0), nameIf("--write-sums", file.WriteSums),
		nameIf("--delete", file.Delete), nameIf("--in-place", file.InPlace), nameIf("--hf-cache", file.HubCache))
	if option == "" || file.MayBeFile {
		return nil
	}
	e := &usererr.Error{Text: "the URL means one file, and " + option + " is for directories"}
	if strings.HasPrefix(file.URL.Scheme, "http") {
		e.Hint = "An HTTP server does not list its files. With a slash at the end of the URL, --checksum-url names a list of them."
	}
	return e
}

func nameIf(name string, given bool) string {
	if !given {
		return ""
	}
	return name
}
