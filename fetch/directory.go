package fetch

import (
	"cmp"
	"context"
	"hash"
	"maps"
	"math"
	"runtime"
	"slices"

	"github.com/inith/inith/fetch/internal/engine"
	"github.com/inith/inith/fetch/internal/store"
	"github.com/inith/inith/fetch/source"
)

// A directory is what a URL means that names many files, on its way to its destination.
type directory struct {
	*Transfer
	at       *store.Destination
	name     string // of the source, as it may be shown
	files    []*member
	revision string // of the source; "": none is known
	record   *store.DirectoryRecord
	crowd    *crowd
	layout   *cacheLayout   // of the hub's cache; nil: the directory is as the source has it
	hasLinks bool           // the links of the layout are at the destination, or there is none
	others   []string       // what else is at the destination
	hasList  bool           // the list of digests is at the destination, or none is wanted
	listed   store.Identity // of the list of digests
}

// A member is a file of a directory.
type member struct {
	source.Object
	unpacked bool              // it comes from a layer
	kept     bool              // it is at the destination already
	looked   store.Identity    // of what is at the destination, and is not what is wanted
	record   *store.FileRecord // of the file that was fetched or kept; nil: it is neither
}

// fetchDirectory fetches the objects that a URL means.
func (t *Transfer) fetchDirectory(ctx context.Context, d *directory, lock func() error) (Result, error) {
	d.at = t.dest
	if result, ok, err := d.present(ctx); ok || err != nil {
		return result, err
	}
	if err := lock(); err != nil {
		return Result{}, err
	}
	if result, ok, err := d.present(ctx); ok || err != nil { // another process that had the lock has fetched the same, most likely
		return result, err
	}
	if err := d.checkOthers(); err != nil {
		return Result{}, err
	}
	t.warnUnsafe(ctx)
	return d.fetchFiles(ctx)
}

// present reports whether all that is wanted is at the destination.
func (d *directory) present(ctx context.Context) (Result, bool, error) {
	d.look()
	if err := d.lookAtFiles(ctx); err != nil || !d.complete() {
		return Result{}, false, err
	}
	return d.upToDate(ctx), true, nil
}

// look opens what is there, and creates nothing.
func (d *directory) look() {
	d.at.Look()
	d.record = d.at.DirectoryRecord()
}

// newDirectory checks what a directory consists of: files, and archives that hold others.
func (t *Transfer) newDirectory(objects, layers []source.Object, name, revision string) (*directory, error) {
	if err := checkNames(objects); err != nil {
		return nil, err
	}
	d := &directory{Transfer: t, name: name, revision: revision, crowd: &crowd{}}
	if c, ok := source.HubCacheOf(t.file.URL); ok && t.file.HubCache {
		objects = d.cached(objects, c)
	}
	d.add(append(slices.Clip(objects), layers...))
	return d, d.checkSumsName()
}

// add adds the files of a directory.
func (d *directory) add(objects []source.Object) {
	for _, o := range objects {
		d.files = append(d.files, &member{Object: o})
	}
	d.crowd.size = sizeOf(objects)
	largestFirst := func(a, b *member) int { return cmp.Or(cmp.Compare(b.Size, a.Size), cmp.Compare(a.Name, b.Name)) }
	slices.SortFunc(d.files, largestFirst)
	d.Transfer.crowd.Store(d.crowd)
}

// lookAtFiles finds out which files are at the destination.
func (d *directory) lookAtFiles(ctx context.Context) error {
	d.enter(Checking)
	view := d.at.View()
	defer view.Close()
	err := each(ctx, len(d.files), runtime.GOMAXPROCS(0), func(int) int { return 1 }, func(ctx context.Context, i int) error {
		m := d.files[i]
		now := view.Identity(m.Name)
		if now == (store.Identity{}) || now == m.looked || m.kept && now == m.record.File {
			m.kept = m.kept && now == m.record.File
			return nil
		}
		var known *store.FileRecord
		if d.record != nil {
			known = d.record.Files[m.Name]
		}
		m.record = d.recognized(ctx, view, m, known, now)
		m.looked, m.kept = now, m.record != nil
		return context.Cause(ctx)
	})
	if err != nil {
		return err
	}
	if d.layout == nil { // else there are other snapshots
		d.others = view.Others(d.wanted())
	}
	d.hasLinks = d.hasLayout(view)
	d.hasList = d.allKept() && d.hasSums(ctx, view)
	return nil
}

// recognized returns the record of a file that is the wanted one, by its record, or by hashing it; nil if it is not.
func (d *directory) recognized(ctx context.Context, view *store.View, m *member, known *store.FileRecord, now store.Identity) *store.FileRecord {
	same := known != nil && m.is(known) && d.suffices(known)
	if same && known.File == now && !d.file.Verify {
		return known
	}
	want := m.Digests
	if same {
		want = append(slices.Clip(want), source.AnyDigest(known.Digest))
	}
	if len(want) == 0 || m.Size >= 0 && m.Size != now.Size {
		return nil
	}
	sums, file, err := hashFile(ctx, view, m.Name, want)
	if err != nil || slices.ContainsFunc(want, func(d Digest) bool { return sums[d.Algorithm] != d }) {
		return nil
	}
	r := d.describe(m, sums["sha256"])
	r.File = file
	if same {
		r.Evidence = known.Evidence
	}
	if !d.suffices(r) {
		return nil
	}
	return r
}

// suffices reports whether as much speaks for a file as was asked for.
func (d *directory) suffices(r *store.FileRecord) bool {
	level, known := evidenceNamed(r.Evidence)
	return known && level >= d.file.Evidence
}

// complete reports whether nothing has to be done.
func (d *directory) complete() bool {
	return d.allKept() && d.hasList && d.hasLinks && (!d.file.Delete || len(d.others) == 0)
}

// allKept reports whether all files are at the destination.
func (d *directory) allKept() bool {
	return !slices.ContainsFunc(d.files, func(m *member) bool { return !m.kept })
}

// is reports whether a record is of the version that the server has.
func (m *member) is(r *store.FileRecord) bool {
	if len(m.Digests) > 0 {
		return slices.Equal(r.Server, digestNames(m.Digests))
	}
	return m.Validator != "" && r.Validator == m.Validator && r.File.Size == m.Size
}

// describe returns the record of a file with a digest.
func (d *directory) describe(m *member, sum Digest) *store.FileRecord {
	return &store.FileRecord{
		Path: m.Name, Digest: sum.String(), Server: digestNames(m.Digests), Validator: m.Validator,
		Evidence: d.ofDigests(m.Digests, m.Addressed).String(),
	}
}

func digestNames(all []Digest) []string {
	var names []string
	for _, d := range all {
		names = append(names, d.String())
	}
	return names
}

// hashFile returns the sha256 of a file, and its digests by the algorithms of others.
func hashFile(ctx context.Context, view *store.View, name string, others []Digest) (map[string]Digest, store.Identity, error) {
	all := map[string]hash.Hash{"sha256": source.NewHash("sha256")}
	for _, d := range others {
		if all[d.Algorithm] == nil {
			all[d.Algorithm] = source.NewHash(d.Algorithm)
		}
	}
	file, err := view.Hash(ctx, name, slices.Collect(maps.Values(all))...)
	sums := map[string]Digest{}
	for algorithm, h := range all {
		sums[algorithm] = source.NewDigest(algorithm, h)
	}
	return sums, file, err
}

// fetchFiles fetches what is missing, and puts it to the destination.
func (d *directory) fetchFiles(ctx context.Context) (Result, error) {
	stage, err := d.at.OpenStage()
	if err != nil {
		return Result{}, err
	}
	defer stage.Close()
	missing := slices.DeleteFunc(slices.Clone(d.files), func(m *member) bool { return m.kept })
	stage.Prune(namesOf(missing))
	if err := stage.EnoughSpace(bytesOf(missing)); err != nil {
		return Result{}, err
	}
	d.enter(Fetching)
	e := d.fetcher.rooms().engine
	all := e.Streams(math.MaxInt64)
	queue := interleave(missing, func(m *member) bool { return e.Streams(m.Size) == all })
	err = each(ctx, len(queue), 2*all+all/4, func(i int) int { return e.Streams(queue[i].Size) }, func(ctx context.Context, i int) error {
		s := queue[i].Source
		if err := d.fetchFile(ctx, stage, queue[i]); err != nil {
			return named(s.Name(), err)
		}
		return nil
	})
	if err == nil {
		missing, err = d.unpack(ctx, stage, missing)
	}
	if err != nil {
		return Result{}, err
	}
	return d.publish(ctx, stage, missing)
}

// fetchFile fetches one file into the stage.
func (d *directory) fetchFile(ctx context.Context, stage *store.Stage, m *member) error {
	if r, ok := stage.Finished(m.Name); ok && m.is(r) {
		m.record = r
		progress, end := d.crowd.start()
		progress.Skipped(r.File.Size)
		end()
		return nil
	}
	dest, err := stage.File(m.Name)
	if err != nil {
		return err
	}
	defer dest.Close()
	progress, end := d.crowd.start()
	defer end()
	level := EvidenceNone
	use := cacheUse{listed: source.Info{Size: m.Size, Validator: m.Validator, Digests: m.Digests}, verify: d.file.Verify, report: func(Phase) {}}
	v, finish, err := d.perform(ctx, d.memberJob(m, dest, progress, &level), use)
	defer finish()
	if err != nil {
		return d.explained(m.Source, err)
	}
	defer v.Partial.Close()
	r := d.describe(m, v.Digest)
	r.Evidence, r.Validator = level.String(), cmp.Or(v.Receipt.Validator, r.Validator)
	if r.File, err = v.Partial.Place(d.file.Mode); err != nil {
		return err
	}
	m.record, m.Source = r, nil // of many files, the sources take memory
	return stage.Finish(r)
}

// memberJob returns the job that fetches a file. It sets level to what speaks for the content.
func (d *directory) memberJob(m *member, dest *store.Destination, progress *engine.Progress, level *Evidence) *engine.Job {
	job := d.job(m.Source)
	job.Dest, job.Progress, job.Primary = dest, progress, m.Source
	job.Fetching, job.Verifying = func() {}, func() {}
	if d.file.listed() {
		job.Want = m.Digests[0]
	}
	job.Judge = func(server []Digest) (engine.Check, error) {
		if d.file.listed() {
			server = m.Digests
		}
		var c engine.Check
		if c, *level = d.check(server, m.Addressed); *level < d.file.Evidence {
			return c, &EvidenceError{Source: m.Source.Name(), Want: d.file.Evidence, Got: *level}
		}
		return c, nil
	}
	return job
}

func bytesOf(files []*member) (n int64) {
	for _, m := range files {
		n += max(0, m.Size)
	}
	return n
}

// sizeOf returns the bytes of all objects; -1 if one does not say how many it has.
func sizeOf(objects []source.Object) (n int64) {
	for _, o := range objects {
		if o.Size < 0 {
			return -1
		}
		n += o.Size
	}
	return n
}

func namesOf(files []*member) map[string]bool {
	all := make(map[string]bool, len(files))
	for _, m := range files {
		all[m.Name] = true
	}
	return all
}
