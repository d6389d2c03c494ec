package engine

import (
	"context"
	"errors"
	"fmt"

	"github.com/inith/inith/fetch/internal/span"
	"github.com/inith/inith/fetch/internal/store"
	"github.com/inith/inith/fetch/source"
)

// An attempt fetches from one source until that makes no more sense. Its life is a
// sequence of states, each of which does one thing and names the next.
type attempt struct {
	*Job

	// What was learned from failures.
	restarts int
	found    []source.Digest // of contents that did not match
	single   bool            // ask for the whole, in one stream
	distrust bool            // servers behind one name give the same bytes different validators

	// What the states hand on.
	record   *store.Record // of the partial file to resume; nil: none
	answer   *answer       // the first one; nil: none
	download *download     // with an open partial file; nil: none
	check    Check
	verified *Verified
}

// A stateFunc is a state. It returns the next one, nil at the end.
type stateFunc func(ctx context.Context) (stateFunc, error)

func (a *attempt) run(ctx context.Context) error {
	for state := stateFunc(a.find); state != nil; {
		next, err := state(ctx)
		if err != nil {
			a.abandon(err)
			next, err = a.recover(ctx, err)
		}
		if err != nil {
			return err
		}
		state = next
	}
	return nil
}

// find looks for a partial file to resume.
//
// Next: adopt, if all bytes are present; compare, if none are and the destination may be
// up to date; recall, if none are and an earlier run found others than the wanted ones;
// else ask.
func (a *attempt) find(context.Context) (stateFunc, error) {
	a.Fetching()
	a.record = a.resumable()
	switch {
	case a.record != nil && len(a.record.Have().Gaps(a.record.Size)) == 0:
		return a.adopt, nil
	case a.record == nil && a.UpToDate != nil && a.Want == (source.Digest{}):
		return a.compare, nil
	case a.record == nil && len(a.found) == 0 && a.earlier() != nil:
		return a.recall, nil
	default:
		return a.ask, nil
	}
}

func (a *attempt) resumable() *store.Record {
	if len(a.found) > 0 {
		a.Dest.Clean()
		return nil
	}
	return a.Dest.Resumable(store.Wanted{Source: ID(a.Source), Digest: a.Want.String(), Distrust: a.distrust})
}

// adopt takes a partial file of which all bytes are present, without asking the server:
// the last run died between the last byte and the rename.
//
// Next: transfer, which has nothing to do but hash; find, if the file is gone.
func (a *attempt) adopt(context.Context) (stateFunc, error) {
	a.Verifying()
	r := a.record
	part, err := a.Dest.OpenPartial(r.Content, r, true)
	if errors.Is(err, store.ErrGone) {
		return a.find, nil
	}
	if err != nil {
		return nil, err
	}
	a.download = &download{Job: a.Job, sure: true, part: part, ranges: newRanges(r.Size, a.Engine.readAhead(), r.Have())}
	if r.Source == ID(a.Source) {
		a.download.validator = r.Validator
	}
	return a.transfer, nil
}

// compare asks the server whether the destination is up to date. What else the answer may
// be is left to the request for the bytes.
//
// Next: the end, if the destination is up to date; else ask.
func (a *attempt) compare(ctx context.Context) (stateFunc, error) {
	info, err := a.stat(ctx)
	if err == nil && a.UpToDate(ctx, info) {
		return nil, nil //nolint:nilnil // the end
	}
	return a.ask, nil
}

func (a *attempt) stat(ctx context.Context) (source.Info, error) {
	ctx, cancel := watchdog(ctx, a.Job)
	defer cancel()
	s, err := a.acquire(ctx)
	if err != nil {
		return source.Info{}, err
	}
	defer a.release(s)
	return a.Source.Stat(ctx)
}

// admit compares the first answer with what is present.
//
// Next: discard, if that is of another version; else open.
func (a *attempt) admit(context.Context) (stateFunc, error) {
	answer, r := a.answer, a.record
	if r != nil && answer.Size != r.Size {
		if r.Source == ID(a.Primary) && a.Source != a.Primary { // what the source itself has given stays
			return nil, source.Permanent(fmt.Errorf("has %d bytes, and another source %d", answer.Size, r.Size))
		}
		return a.discard, nil
	}
	return a.open, nil
}

// discard removes what an earlier run had got of another version.
//
// Next: find.
func (a *attempt) discard(ctx context.Context) (stateFunc, error) {
	a.abandon(nil)
	a.Log.WarnContext(ctx, "starting again", "source", a.Source.Name(), "err", "the file has changed on the server since")
	a.Dest.Clean()
	return a.find, nil
}

// open opens the partial file, given the first answer.
//
// Next: transfer; find, if the file to resume is gone; ask, for one stream, where nothing
// would tell if the rest is of the same version.
func (a *attempt) open(ctx context.Context) (stateFunc, error) {
	answer := a.answer
	d := &download{Job: a.Job, validator: answer.Validator, encoding: answer.Encoding}
	if a.distrust {
		d.validator = ""
	}
	d.sure = d.validator != "" || a.Want != (source.Digest{})
	if !d.sure && answer.Ranged && answer.End < answer.Size {
		a.abandon(nil)
		a.single = true
		return a.find, nil
	}
	if err := a.admitted(ctx, answer.Size); err != nil {
		return nil, err
	}
	err := a.openPartial(d)
	if errors.Is(err, store.ErrGone) { // by another process: where locks do not work
		a.abandon(nil)
		return a.find, nil
	}
	if err != nil {
		return nil, err
	}
	if !d.sure && answer.Size > piece {
		a.Log.WarnContext(ctx, "the server sends no validator (a strong ETag, or Last-Modified): one connection, and no resuming", "source", a.Source.Name())
	}
	a.download = d
	return a.transfer, nil
}

// admitted reports what must not be written.
func (a *attempt) admitted(ctx context.Context, size int64) error {
	if err := a.tooLong(size); err != nil {
		return err
	}
	if a.Admit != nil {
		return a.Admit(a.head(ctx))
	}
	return nil
}

// openPartial opens the partial file of a download, and plans what it lacks.
func (a *attempt) openPartial(d *download) error {
	if a.clone(d) {
		return nil
	}
	if err := a.Dest.EnoughSpace(a.answer.Size, a.record); err != nil {
		return err
	}
	d.ranges = a.plan(d.sure)
	var err error
	d.part, err = a.Dest.OpenPartial(a.content(), a.record, d.sure)
	return err
}

// clone lets the partial file share all bytes of a file of this machine, which takes no space. It reports whether it does.
func (a *attempt) clone(d *download) bool {
	if a.record != nil || a.answer.File == nil {
		return false
	}
	size := a.answer.Size
	if d.part = a.Dest.Clone(a.answer.File, size); d.part == nil {
		return false
	}
	a.Log.Debug("the file shares its bytes with the source", "source", a.Source.Name(), "how", "reflink")
	d.cloned, d.ranges = true, newRanges(size, 0, span.Set{}.Add(span.Span{End: size}))
	a.Progress.fetched.Add(size)
	return true
}

// content returns what the partial file is of.
func (a *attempt) content() store.Content {
	if a.record != nil {
		return a.record.Content
	}
	return store.Content{
		Source: ID(a.Source), Size: a.answer.Size, Validator: a.answer.Validator,
		Digest: a.Want.String(), Server: digestNames(a.answer.Digests),
	}
}

// plan returns the ranges of the object, without those that are present.
func (a *attempt) plan(sure bool) *ranges {
	one := !a.answer.Ranged || a.answer.Size < 0 || !sure
	have := span.Set{}
	if a.record != nil {
		if one { // the stream writes all that follows the first gap: no byte that counts is written again
			a.record.KeepPrefix()
		}
		have = a.record.Have()
	}
	r := newRanges(a.answer.Size, a.Engine.readAhead(), have)
	r.whole = one
	return r
}

// transfer brings the missing bytes, and hashes all.
//
// Next: verify.
func (a *attempt) transfer(ctx context.Context) (stateFunc, error) {
	d := a.download
	a.Progress.size.Store(d.ranges.size.Load())
	check, err := a.Judge(a.serverDigests())
	if err != nil {
		return nil, err
	}
	a.check = check
	d.verify = newVerifier(d.part, d.ranges, check.algorithms(), a.Engine.free)
	defer a.Progress.follow(d.ranges)()
	if a.record != nil {
		done, _ := d.ranges.done()
		a.Progress.present.Store(done)
		if err := d.verify.resume(ctx, a.record); err != nil {
			return nil, err
		}
	}
	guarded, cancel := watchdog(ctx, a.Job)
	defer cancel()
	answer := a.answer
	a.answer = nil
	err = d.run(guarded, answer)
	d.part.Settle()
	if d.verify.bad > 0 {
		a.Log.WarnContext(ctx, "parts of the partial file were not what had been written: fetched again", "mebibytes", d.verify.bad)
	}
	if err != nil {
		return nil, err
	}
	return a.verify, nil
}

// serverDigests returns those of the answer, or of the first one of an earlier run to the same version: stores send them
// with the whole object alone.
func (a *attempt) serverDigests() []source.Digest {
	if a.answer == nil {
		return parseDigests(a.record.Server)
	}
	same := a.record != nil && a.record.Validator != "" && a.record.Validator == a.answer.Validator && a.record.Source == ID(a.Source)
	if len(a.answer.Digests) == 0 && same {
		return parseDigests(a.record.Server)
	}
	return a.answer.Digests
}

// verify compares the digests. A file of this machine may have been half written when its bytes were shared: a change since
// then shows that, as it does where they are read.
//
// Next: the end.
func (a *attempt) verify(ctx context.Context) (stateFunc, error) {
	a.Verifying()
	d := a.download
	if d.cloned && d.validator != "" && a.Want == (source.Digest{}) {
		if now, err := a.Source.Stat(ctx); err != nil || now.Validator != d.validator {
			return nil, source.ErrChanged
		}
	}
	if err := a.check.compare(d.verify.hashes); err != nil {
		err.Looks = looksLike(d.part.File())
		if d.encoding != "" {
			err.Looks = "compressed (Content-Encoding: " + d.encoding + ")"
		}
		a.learn(err)
		return nil, err
	}
	digest := d.verify.hashes.sum(a.check.Main)
	a.download = nil
	a.verified = &Verified{Partial: d.part, Digest: digest, Receipt: store.Receipt{
		Source: ID(a.Source), Size: d.ranges.size.Load(), Validator: d.validator, Digest: digest.String(),
	}}
	return nil, nil //nolint:nilnil // the end
}

// abandon closes what a state has opened. The partial file stays for a later run, unless
// the error says that it is of no use.
func (a *attempt) abandon(err error) {
	if a.answer != nil {
		_ = a.answer.Body.Close()
		a.release(a.answer.slot)
		a.answer = nil
	}
	if a.download == nil {
		return
	}
	_, mismatch := errors.AsType[*MismatchError](err)
	changed := errors.Is(err, source.ErrChanged) && (a.Want == (source.Digest{}) || a.distrust)
	if part := a.download.part; mismatch || changed || !part.Journalled() {
		part.Remove()
	} else {
		part.Close()
	}
	a.download = nil
}

const maxRestarts = 3

// recover decides after a failure whether to start again, and how.
//
// Next: find; the error, if there is nothing to do about it.
func (a *attempt) recover(ctx context.Context, err error) (stateFunc, error) {
	log := a.Log.With("source", a.Source.Name())
	mismatch, isMismatch := errors.AsType[*MismatchError](err)
	_, again := errors.AsType[*startAgainError](err)
	switch {
	case errors.Is(err, source.ErrNoRange) && !a.single:
		log.WarnContext(ctx, "the server does not send parts of the file: one connection")
		a.single = true
	case errors.Is(err, source.ErrChanged) && a.Want != (source.Digest{}) && !a.distrust:
		log.WarnContext(ctx, "the server sends different validators for the same file: the digest decides")
		a.distrust = true
	case errors.Is(err, source.ErrChanged) && a.restarts < maxRestarts:
		a.restarts++
		a.single = a.restarts == maxRestarts // with one answer, there is nothing to mix
		log.WarnContext(ctx, "the file changed on the server: starting again")
	case again && a.restarts < 3*maxRestarts:
		a.restarts++
		log.WarnContext(ctx, "starting again: the server sends no validator", "err", err)
	case isMismatch && !mismatch.Earlier && len(a.found) == 1:
		log.WarnContext(ctx, "digest mismatch: fetching all of it once more", "want", mismatch.Want.String(), "got", mismatch.Got.String())
	default:
		return nil, err
	}
	return a.find, nil
}
