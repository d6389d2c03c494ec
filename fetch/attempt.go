package fetch

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/inith/inith/fetch/internal/span"
	"github.com/inith/inith/fetch/internal/store"
)

// An attempt fetches from one source until that makes no more sense.
type attempt struct {
	*Transfer
	source   Source
	restarts int
	mismatch bool // a digest did not match once
	single   bool // ask for the whole, in one stream
	untagged bool // servers behind one name tag the same bytes differently
}

// again decides whether to start again, and how.
func (a *attempt) again(ctx context.Context, err error) bool {
	digest, mismatch := errors.AsType[*DigestError](err)
	_, again := errors.AsType[*startAgainError](err)
	switch {
	case errors.Is(err, ErrNoRange) && !a.single:
		a.log.WarnContext(ctx, "the server does not send parts of the file: one connection", "source", a.source.Name())
		a.single = true
		return true
	case errors.Is(err, ErrChanged) && a.want != (Digest{}) && !a.untagged:
		a.log.WarnContext(ctx, "the server tells versions apart differently from answer to answer: the digest decides", "source", a.source.Name())
		a.untagged = true
		return true
	case errors.Is(err, ErrChanged) && a.restarts < maxRestarts:
		a.restarts++
		a.single = a.restarts == maxRestarts // with one answer, there is nothing to mix
		a.log.WarnContext(ctx, "the file changed on the server: starting again", "source", a.source.Name())
		return true
	case again && a.restarts < 3*maxRestarts:
		a.restarts++
		a.log.WarnContext(ctx, "starting again: the server tells versions of the file not apart", "source", a.source.Name(), "err", err)
		return true
	case mismatch && !a.mismatch:
		a.mismatch = true
		a.log.WarnContext(ctx, "digest mismatch: fetching all of it once more", "source", a.source.Name(), "want", digest.Want.String(), "got", digest.Got.String())
		return true
	default:
		return false
	}
}

const maxRestarts = 3

// run fetches the file once.
func (a *attempt) run(ctx context.Context) (Result, error) {
	a.enter(Fetching)
	record := a.record(ctx)
	tag, ask := "", Span{0, chunk}
	if record == nil && a.want == (Digest{}) {
		if _, match := a.dest.Receipt(); match != store.NoMatch {
			ask.End = 1 // the answer may be that nothing has changed
		}
	}
	if record != nil {
		gaps := record.Have().Gaps(record.Size)
		if len(gaps) == 0 {
			return a.complete(ctx, record)
		}
		tag, ask = record.Validator, Span{gaps[0].Start, min(gaps[0].End, gaps[0].Start+chunk)}
		if a.untagged || record.Source != sourceID(a.source) {
			tag = ""
		}
	}
	if a.single {
		ask = whole()
	}
	part, err := a.begin(ctx, ask, tag)
	if err == nil && part.Ranged && part.Size < 0 { // of an object whose size is not told
		if record == nil || tag == "" {
			part.close(a.Transfer)
			return Result{}, ErrNoRange
		}
		part.Size = record.Size
	}
	if err == nil && record != nil && part.Size != record.Size && record.Source == sourceID(a.sources[0]) && a.source != a.sources[0] {
		part.close(a.Transfer) // a mirror that is wrong must not cost what the source itself has given
		return Result{}, permanent(fmt.Errorf("has %d bytes, and another source %d", part.Size, record.Size))
	}
	if errors.Is(err, ErrChanged) || record != nil && err == nil && part.Size != record.Size {
		if err == nil {
			part.close(a.Transfer)
		}
		a.discard("the file has changed on the server since")
		return a.run(ctx)
	}
	if err != nil {
		return Result{}, err
	}
	if result, ok := a.unchanged(ctx, part); ok {
		part.close(a.Transfer)
		return result, nil
	}
	return a.download(ctx, part, record)
}

// begin sends the first request, which is also the first chunk. Its connection
// counts as one of the host's.
func (a *attempt) begin(ctx context.Context, ask Span, tag string) (*Part, error) {
	pauses := a.fetcher.pauses()
	ctx, cancel := a.guard(ctx)
	defer cancel()
	for {
		if err := a.acquire(ctx); err != nil {
			return nil, err
		}
		// The answer outlives the guard's context, the request must end with it.
		request, end := context.WithCancelCause(context.WithoutCancel(ctx))
		stop := context.AfterFunc(ctx, func() { end(context.Cause(ctx)) })
		part, err := a.source.Open(request, ask, tag)
		stop()
		if err == nil {
			a.host.answered()
			part.Body = closeWith{part.Body, func() { end(nil) }}
			return part, nil
		}
		end(nil)
		a.release()
		if err := a.failed(ctx, err, false, pauses); err != nil {
			return nil, err
		}
	}
}

// download gets what is missing, given the first answer.
func (a *attempt) download(ctx context.Context, first *Part, record *store.Record) (Result, error) {
	a.size.Store(first.Size)
	c := store.Content{
		Source: sourceID(a.source), Size: first.Size, Validator: first.Tag, Digest: a.want.String(), Server: names(first.Digests),
	}
	if record != nil {
		c = record.Content
	}
	d := &download{Transfer: a.Transfer, source: a.source, tag: first.Tag}
	if a.untagged {
		d.tag = ""
	}
	d.sure = d.tag != "" || a.want != (Digest{})
	if !d.sure && first.Ranged && first.End < first.Size { // nothing would tell if the rest is of the same version
		first.close(a.Transfer)
		a.single = true
		return a.run(ctx)
	}
	err := a.dest.EnoughSpace(c.Size, record)
	if err == nil && a.file.Extract {
		err = a.dest.Replaceable()
	}
	if err != nil {
		first.close(a.Transfer)
		return Result{}, err
	}
	one := !first.Ranged || first.Size < 0 || !d.sure
	have := span.Set{}
	if record != nil {
		if one { // the stream writes all that follows the first gap: no byte that counts is written again
			record.KeepPrefix()
		}
		have = record.Have()
	}
	d.ranges = newRanges(first.Size, a.fetcher.window(), have)
	d.ranges.whole = one
	if d.part, err = a.dest.OpenPartial(c, record, d.sure, a.fetcher.drops(first.Size)); err != nil {
		first.close(a.Transfer)
		if errors.Is(err, store.ErrGone) { // by another process: where locks do not work
			return a.run(ctx)
		}
		return Result{}, err
	}
	if !d.sure && first.Size > unit {
		a.log.WarnContext(ctx, "the server tells versions of the file not apart: one connection, and no resuming", "source", a.source.Name())
	}
	return a.transfer(ctx, d, first, record)
}

// transfer runs a download and takes its result over.
func (a *attempt) transfer(ctx context.Context, d *download, first *Part, record *store.Record) (Result, error) {
	var server []Digest
	if record != nil {
		server = parseAll(record.Server)
	}
	if first != nil {
		server = first.Digests
	}
	check, level := a.check(server)
	if level < a.file.Evidence {
		d.part.Close()
		first.close(a.Transfer)
		return Result{}, &EvidenceError{Source: a.source.Name(), Want: a.file.Evidence, Got: level}
	}
	d.verify = newVerifier(d.part, d.ranges, check.algorithms(), a.fetcher.free)
	a.follow(d.ranges)
	defer a.follow(nil)
	err := func() error {
		if record != nil {
			n, _ := d.ranges.done()
			a.present.Store(n)
			if err := d.verify.resume(ctx, record); err != nil {
				first.close(a.Transfer)
				return err
			}
		}
		guarded, cancel := a.guard(ctx)
		defer cancel()
		return d.run(guarded, first)
	}()
	d.part.Settle()
	if d.verify.bad > 0 {
		a.log.WarnContext(ctx, "parts of the partial file were not what had been written: fetched again", "mebibytes", d.verify.bad)
	}
	if err != nil {
		return Result{}, a.keepOrDrop(d, err)
	}
	return a.finish(ctx, d, check, level)
}

// keepOrDrop closes the partial file, and removes it if it is of no use.
func (a *attempt) keepOrDrop(d *download, err error) error {
	useless := errors.Is(err, ErrChanged) && (a.want == (Digest{}) || a.untagged)
	if useless || !d.part.Journalled() {
		d.part.Remove()
	} else {
		d.part.Close()
	}
	return err
}

// record finds a partial file to resume.
func (a *attempt) record(ctx context.Context) *store.Record {
	if a.mismatch {
		a.dest.Clean()
		return nil
	}
	if !a.dest.Safe() {
		a.fetcher.unsafe.Do(func() {
			a.log.WarnContext(ctx, "others can write to .inith, or the volume does not say who can: all bytes are hashed again", "path", a.dest.Path)
		})
	}
	return a.dest.Resumable(store.Wanted{Source: sourceID(a.source), Digest: a.want.String(), Distrust: a.untagged})
}

// discard removes what an earlier run had got.
func (a *attempt) discard(why string) {
	a.log.Warn("starting again", "source", a.source.Name(), "err", why)
	a.dest.Clean()
}

// sourceID identifies a source without telling it.
func sourceID(s Source) string {
	name, _, _ := strings.Cut(s.Name(), "?")
	return store.ID(name)
}

// names returns digests as [ParseDigest] reads them.
func names(all []Digest) []string {
	var texts []string
	for _, d := range all {
		texts = append(texts, d.String())
	}
	return texts
}

// parseAll is the inverse of names.
func parseAll(texts []string) []Digest {
	var all []Digest
	for _, text := range texts {
		name, value, _ := strings.Cut(text, ":")
		all = append(all, hexDigest(name, value))
	}
	return all
}
