package fetch

import (
	"context"
	"errors"
	"hash"
	"log/slog"
	"slices"

	"github.com/inith/inith/fetch/internal/engine"
	"github.com/inith/inith/fetch/internal/store"
	"github.com/inith/inith/fetch/source"
	"github.com/inith/inith/internal/usererr"
)

// An objectTransfer is an object of the cache on its way to the destination of a job.
type objectTransfer struct {
	cacheUse
	cache *store.Cache
	job   *engine.Job
	log   *slog.Logger
	info  source.Info        // from the server, as far as it is known
	asked bool               // the server, for info
	want  Digest             // that names the object; zero: none is known
	noted Digest             // that an object has whose name is a version; zero: not known yet
	main  string             // the algorithm of the digest to report
	at    *store.Destination // of the object

	held    *store.Object  // nil: there is none
	part    *store.Partial // that held is of; nil: an earlier run has downloaded it
	kept    bool           // part has become the object
	trusted bool           // held has the digest
	sum     Digest         // of held, by the main algorithm; zero: not known
	avoid   bool           // what is in the cache, of another user, is wrong
	unlock  func()         // nil: the object is not locked
	adopted bool           // the destination is a hard link to held
}

// find finds the digest that names the object. A server that refuses to say what it has may give it nevertheless.
func (o *objectTransfer) find(ctx context.Context) error {
	o.info = o.listed
	if o.want = o.job.Want; o.want != (Digest{}) {
		return nil
	}
	if len(o.listed.Digests) == 0 || o.job.UpToDate != nil {
		stat := o.job.Source.Stat
		if d, ok := o.job.Source.(source.Describer); ok {
			stat = d.Describe
		}
		err := engine.Ask(ctx, o.job, func(ctx context.Context) error {
			info, err := stat(ctx)
			if err == nil {
				o.info, o.asked = info, true
			}
			return err
		})
		if err != nil && !source.IsPermanent(err) {
			return err
		}
	}
	if o.want = objectKey(o.info.Digests); o.want == (Digest{}) {
		o.want = versionKey(o.job.Source, o.info)
	}
	return nil
}

// byVersion reports whether the name of the object says nothing of its bytes.
func (o *objectTransfer) byVersion() bool { return o.want.Algorithm == versionAlgorithm }

// content returns the digest of the bytes of the object; zero: it is not known yet.
func (o *objectTransfer) content() Digest {
	if o.byVersion() {
		return o.noted
	}
	return o.want
}

// run takes the object, and once more without the one that is in the cache if that is wrong.
func (o *objectTransfer) run(ctx context.Context) (*engine.Verified, error) {
	o.at = o.cache.Object(objectName(o.want))
	o.log = o.log.With("path", o.at.Path)
	check, err := o.job.Judge(o.info.Digests)
	if err != nil {
		return nil, err
	}
	o.main = check.Main
	v, err := o.once(ctx)
	if !errors.Is(err, errObject) {
		return v, err
	}
	o.log.WarnContext(ctx, "an object in the cache cannot be read or has another digest: fetching the file again")
	o.avoid, o.noted = true, Digest{}
	return o.once(ctx)
}

// errObject means that an object in the cache is of no use.
var errObject = errors.New("the object in the cache is wrong")

func (o *objectTransfer) once(ctx context.Context) (v *engine.Verified, err error) {
	part, err := o.locked(ctx)
	if !o.adopted { // else the file gets its name first, which changes its time of change
		o.release()
	}
	if err == nil {
		v, err = o.take(ctx, part)
	}
	if err != nil || !o.adopted {
		o.close()
	}
	return v, err
}

// end completes what is kept of an object that the destination is a hard link to.
func (o *objectTransfer) end() {
	if o.adopted && o.held.Renamed() {
		o.confirm()
	}
	o.close()
	o.at.Close()
}

func (o *objectTransfer) release() {
	if o.unlock != nil {
		o.unlock()
		o.unlock = nil
	}
}

// close releases and closes the object. A download that did not become one is removed.
func (o *objectTransfer) close() {
	o.release()
	switch {
	case o.part != nil && o.kept:
		o.part.Close()
	case o.part != nil:
		o.part.Remove()
	case o.held != nil:
		o.held.Close()
	}
	o.held, o.part, o.kept, o.trusted, o.adopted = nil, nil, false, false, false
}

// locked finds or downloads the object under its lock. It returns a partial file of the destination where that takes no
// time, else nil.
func (o *objectTransfer) locked(ctx context.Context) (*store.Partial, error) {
	unlock, lockErr := o.at.Lock(ctx, o.log, func() { o.report(Locked) })
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	o.unlock = unlock // nil with an error
	o.at.Look()
	err := o.open(ctx)
	switch {
	case err != nil:
	case o.held != nil:
		if o.unlock != nil {
			o.at.Clean() // what a process of this user has left, before another user's had all of it
		}
		err = o.admit()
	case lockErr != nil:
		err = &passError{lockErr}
	default:
		err = o.download(ctx)
	}
	if err != nil {
		return nil, err
	}
	o.held.Use()
	return o.instantly(ctx), nil
}

// open opens the object that is in the cache, if it has the digest, or may have it.
func (o *objectTransfer) open(ctx context.Context) error {
	if o.avoid {
		return nil
	}
	held, err := o.at.OpenObject()
	if err != nil {
		return nil //nolint:nilerr // what cannot be read is downloaded
	}
	o.held = held
	r, intact := held.Receipt()
	sum := source.AnyDigest(r.Digest)
	if r.Source != o.want.String() {
		intact, sum = false, Digest{}
	}
	if o.noted = sum; o.content() == (Digest{}) {
		return o.reject()
	}
	if intact && !o.verify {
		o.trust(sum)
		return nil
	}
	if o.unlock == nil || !held.Own || !o.at.Safe() {
		return nil // the copy is hashed
	}
	return o.examine(ctx)
}

// trust takes the object for what its name says, if the digest to report is known.
func (o *objectTransfer) trust(sum Digest) {
	for _, d := range []Digest{o.want, sum} {
		if d.Algorithm == o.main {
			o.sum, o.trusted = d, true
		}
	}
	o.noted = sum
}

// examine hashes an object of this user that has changed since it was downloaded, and removes one that is wrong.
func (o *objectTransfer) examine(ctx context.Context) error {
	o.report(Checking)
	s := o.newSums()
	err := o.held.Hash(ctx, s.all())
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case err == nil && o.matches(s):
		if o.trusted = !o.held.Changed(); o.trusted { // else the copy is hashed
			o.confirm()
		}
		return nil
	}
	o.log.WarnContext(ctx, "an object in the cache has another digest than when it was downloaded: removed")
	return o.discard()
}

// reject removes an object of which nothing says what its bytes are, if this user may.
func (o *objectTransfer) reject() error {
	if o.unlock != nil && o.held.Own {
		return o.discard()
	}
	o.held.Close()
	o.held = nil
	return &passError{errNotOurs}
}

// discard removes an object that is wrong.
func (o *objectTransfer) discard() error {
	o.noted = Digest{}
	err := o.held.Remove()
	o.held.Close()
	if o.held = nil; err != nil {
		return &passError{err}
	}
	return nil
}

// sums are the hash functions of the digest that an object has, and of the one to report. They may be the same.
type sums struct{ want, main hash.Hash }

func (o *objectTransfer) newSums() sums {
	content := o.content().Algorithm
	s := sums{want: source.NewHash(content)}
	if s.main = s.want; o.main != content {
		s.main = source.NewHash(o.main)
	}
	return s
}

func (s sums) all() []hash.Hash {
	if s.main == s.want {
		return []hash.Hash{s.want}
	}
	return []hash.Hash{s.want, s.main}
}

// matches reports whether what was hashed is the object, and keeps the digest to report.
func (o *objectTransfer) matches(s sums) bool {
	o.sum = source.NewDigest(o.main, s.main)
	return source.NewDigest(o.content().Algorithm, s.want) == o.content()
}

// receipt returns what is known of the object, for later runs of this user.
func (o *objectTransfer) receipt() store.Receipt {
	return store.Receipt{Source: o.want.String(), Size: o.held.Size(), Digest: o.sum.String()}
}

func (o *objectTransfer) confirm() { o.held.Confirm(o.receipt()) }

// admit reports what must not be written to the destination. An object of another user may have more bytes than the
// file has: without the cache, the server says how many these are.
func (o *objectTransfer) admit() error {
	size, most := o.held.Size(), o.job.MaxSize
	if most > 0 && size > most || !o.trusted && o.job.Dest.EnoughSpace(size, nil) != nil {
		return &passError{&usererr.Error{Text: "the object has more bytes than may be written"}}
	}
	if o.job.Admit == nil {
		return nil
	}
	return o.job.Admit(nil)
}

// download fetches the object into the cache. The caller has its lock.
func (o *objectTransfer) download(ctx context.Context) error {
	job := *o.job
	job.Dest, job.Want, job.UpToDate = o.at, o.content(), nil
	job.Judge = func(server []Digest) (engine.Check, error) {
		return o.job.Judge(append(slices.Clip(server), o.info.Digests...))
	}
	v, err := job.Run(ctx)
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case store.IsError(err):
		o.at.Clean() // what is of no use here may have filled the volume
		return &passError{err}
	case err != nil:
		return err
	}
	changed := v.Receipt.Validator != o.info.Validator // since the server was asked
	o.part, o.info.Validator = v.Partial, v.Receipt.Validator
	const readOnly = 0o444 // for all users
	if err = o.part.Sync(readOnly); err == nil {
		o.held, err = o.part.Object()
	}
	if err != nil {
		return &passError{err}
	}
	o.trust(v.Digest)
	if o.byVersion() && changed {
		return nil
	}
	if err := o.keep(); err != nil {
		o.log.WarnContext(ctx, "the file cannot be kept in the cache", "err", err)
	}
	return nil
}

// keep makes the download, which is verified, the object.
func (o *objectTransfer) keep() error {
	if err := o.cache.Kept(objectName(o.want), o.held.Size()); err != nil {
		return err
	}
	if err := o.part.Publish(o.receipt()); err != nil {
		return err
	}
	o.kept = true
	o.at.Clean()
	if o.held.Renamed() {
		o.confirm()
	}
	return nil
}

// instantly returns a partial file of the destination that shares the bytes of the object, nil if it has to be copied.
func (o *objectTransfer) instantly(ctx context.Context) *store.Partial {
	how, part := "reflink", o.held.Clone(o.job.Dest)
	if part == nil && o.unlock != nil && o.link && o.trusted {
		how, part = "hard link", o.job.Dest.Adopt(o.held)
		o.adopted = part != nil
	}
	if part == nil {
		how = "copy"
	}
	o.log.DebugContext(ctx, "taking the file from the cache", "how", how)
	return part
}

// take returns the object in a partial file of the destination, given one that shares its bytes already, or nil. An object
// that others may write to is hashed there, where they cannot.
func (o *objectTransfer) take(ctx context.Context, part *store.Partial) (*engine.Verified, error) {
	s, hashed := o.newSums(), false
	var err error
	if part == nil {
		hashed = !o.trusted
		if part, err = o.copy(ctx, s, hashed); err != nil {
			return nil, err
		}
	}
	if !hashed && (!o.trusted || o.held.Changed()) {
		err, hashed = part.Hash(ctx, s.all()), true
	}
	if err == nil && hashed && !o.matches(s) {
		err = errObject
	}
	if err != nil {
		part.Remove()
		return nil, err
	}
	size := o.held.Size()
	if o.part == nil {
		o.job.Progress.Cached(size, size)
	}
	return &engine.Verified{Partial: part, Digest: o.sum, Receipt: store.Receipt{
		Source: engine.ID(o.job.Source), Size: size, Validator: o.info.Validator, Digest: o.sum.String(),
	}}, nil
}

// copy copies the object to the destination, and hashes it on the way.
func (o *objectTransfer) copy(ctx context.Context, s sums, hashed bool) (*store.Partial, error) {
	o.report(Copying)
	var to []hash.Hash
	if hashed {
		to = s.all()
	}
	copied := func(n int64) {
		if o.part == nil { // else the download was counted
			o.job.Progress.Cached(n, o.held.Size())
		}
	}
	part, err := o.job.Dest.Copy(ctx, o.held, to, copied)
	if errors.Is(err, store.ErrObject) {
		return nil, errObject
	}
	return part, err
}
