package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v4"

	"github.com/inith/inith/fetch/internal/store"
	"github.com/inith/inith/fetch/source"
	"github.com/inith/inith/internal/bytesize"
	"github.com/inith/inith/internal/retry"
	"github.com/inith/inith/internal/usererr"
)

// A Job is one object to fetch from one source.
type Job struct {
	Engine   *Engine
	Source   source.Source
	Progress *Progress
	Log      *slog.Logger

	Dest    *store.Destination // with its lock; nil for [Stream]
	Want    source.Digest      // that the bytes must have; zero: none is known
	MaxSize int64              // bytes; zero: any number
	Primary source.Source      // the one that a mirror stands in for, or Source itself

	// Judge returns what to compare the bytes with, given the digests that the server
	// sends. Its error ends the job.
	Judge func(server []source.Digest) (Check, error)
	// UpToDate reports whether the destination has this version; nil: never.
	UpToDate func(ctx context.Context, now source.Info) bool
	// Admit is called before the first byte is written, with the first Head bytes of the
	// object, or all that it has; with none, if they do not come or are present. nil: all
	// may be written.
	Admit func(head []byte) error
	Head  int
	// Verifying is called when all bytes are present, Fetching when more are wanted.
	Verifying, Fetching func()

	host  *host
	place place
}

// A Verified is an object whose digest is right, in its partial file.
type Verified struct {
	Partial *store.Partial
	Receipt store.Receipt // without the evidence
	Digest  source.Digest
}

// Run fetches the object into its partial file. It returns nil without an error if the
// destination is up to date. Errors: a [MismatchError], those of Judge and Admit, of the
// source and the store, and the cause of ctx.
func (j *Job) Run(ctx context.Context) (*Verified, error) {
	j.host = j.Engine.host(j.Source.Origin())
	a := &attempt{Job: j}
	if err := a.run(ctx); err != nil {
		return nil, err
	}
	return a.verified, nil
}

// get opens a part of the object. What is compressed may be the object itself, or be made
// of it on the way: only a digest that is wanted tells.
func (j *Job) get(ctx context.Context, off, n int64, validator string) (*source.Part, error) {
	part, err := j.Source.Open(ctx, off, n, validator)
	if err != nil || part.Encoding == "" || j.Want != (source.Digest{}) {
		return part, err
	}
	_ = part.Body.Close()
	return nil, source.Permanent(&usererr.Error{
		Text: "the server sends the file compressed (Content-Encoding)",
		Hint: "if the file itself is compressed, give its digest with --sha256; else turn off Content-Encoding for this path",
	})
}

// acquire takes a connection of the host, until release.
func (j *Job) acquire(ctx context.Context) (*slot, error) {
	return j.counted(j.host.acquire(ctx, j, nil))
}

// exchange is release and acquire in one. Last may be nil.
func (j *Job) exchange(ctx context.Context, last *slot) (*slot, error) {
	if last != nil {
		j.Progress.streams.Add(-1)
	}
	return j.counted(j.host.acquire(ctx, j, last))
}

func (j *Job) counted(s *slot, err error) (*slot, error) {
	if err == nil {
		j.Progress.streams.Add(1)
	}
	return s, err
}

func (j *Job) release(s *slot) {
	j.Progress.streams.Add(-1)
	j.host.release(s)
}

// received counts bytes.
func (j *Job) received(n int) {
	if n == 0 {
		return
	}
	j.Progress.fetched.Add(int64(n))
	j.Progress.came.Add(int64(n))
	j.Progress.moved()
	j.host.received(n)
}

// tooLong returns an error if the object has more bytes than it may have.
func (j *Job) tooLong(size int64) error {
	if j.MaxSize <= 0 || size <= j.MaxSize {
		return nil
	}
	text := fmt.Sprintf("the file has %s or more, and the maximum is %s", bytesize.Text(size), bytesize.Text(j.MaxSize))
	return store.Refusal(text, "--max-size sets the maximum.", nil)
}

// retried counts a failure that another try may clear.
func (j *Job) retried(err error) {
	j.Progress.retries.Add(1)
	j.Progress.Note(err)
	j.Log.Debug("trying again", "source", j.Source.Name(), "err", err)
}

// failed decides after a failure: nil is to try again, after a pause.
func (j *Job) failed(ctx context.Context, err error, progress bool, pauses backoff.BackOff) error {
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case store.IsError(err), errors.Is(err, source.ErrChanged), errors.Is(err, source.ErrNoRange):
		return err
	case errors.Is(err, errOvertaken):
		return nil
	case errors.Is(err, errSlow), errors.Is(err, errIdle):
		j.retried(err)
		return nil
	case source.IsPermanent(err) && !j.Progress.mayForgive(progress):
		return err
	}
	j.retried(err)
	pause := pauses.NextBackOff()
	if after, ok := throttled(err); ok {
		j.rest(max(pause, after))
		j.host.lower(after)
		return nil
	}
	if progress { // the server works: only the connection was cut
		return nil
	}
	return retry.Sleep(ctx, pause)
}

// throttled reports whether a server refused a request to have fewer, and after what time it wants the next one; zero: it does
// not say.
func throttled(err error) (after time.Duration, ok bool) {
	throttle, ok := errors.AsType[*source.ThrottleError](err)
	if !ok {
		return 0, false
	}
	return throttle.After, true
}

// rest lets no request to the host through for a while.
func (j *Job) rest(pause time.Duration) { j.host.pause(restFor(pause, j.Engine.retryMaxWait())) }

// restFor returns for how long a host rests that wants a pause. The limit is no reason for all clients to come back
// at once.
func restFor(pause, longest time.Duration) time.Duration {
	return min(pause+rand.N(pause/8+1), longest-rand.N(longest/8+1))
}

// crowded decides after a refusal while the server answers others: it means fewer
// connections. The caller has released its own.
func (j *Job) crowded(err error) {
	j.retried(err)
	after, _ := throttled(err)
	if after > 0 {
		j.rest(after)
	}
	j.host.lower(after)
}

// ID identifies a source without revealing it.
func ID(s source.Source) string {
	name, _, _ := strings.Cut(s.Name(), "?")
	return store.ID(name)
}

func digestNames(all []source.Digest) []string {
	var names []string
	for _, d := range all {
		names = append(names, d.String())
	}
	return names
}

func parseDigests(names []string) []source.Digest {
	var all []source.Digest
	for _, name := range names {
		all = append(all, source.AnyDigest(name))
	}
	return all
}
