package engine

import (
	"context"
	"errors"

	"github.com/inith/inith/fetch/source"
)

// ask sends the first request. It is for all that follows, so that a server that refuses
// others gives the file nevertheless.
//
// Next: admit.
func (a *attempt) ask(ctx context.Context) (stateFunc, error) {
	off, n, validator := int64(0), int64(source.ToEnd), ""
	if a.record != nil {
		gap := a.record.Have().Gaps(a.record.Size)[0]
		off, n = gap.Start, gap.Len()
		if !a.distrust && a.record.Source == ID(a.Source) {
			validator = a.record.Validator
		}
	}
	if a.single {
		off, n = 0, source.Whole
	}
	answer, err := a.begin(ctx, off, n, validator)
	switch {
	case errors.Is(err, source.ErrChanged):
		return a.discard, nil
	case err != nil:
		return nil, err
	}
	a.answer = answer
	if answer.Ranged && answer.Size < 0 { // of an object whose size the server does not say
		if validator == "" {
			return nil, source.ErrNoRange
		}
		answer.Size = a.record.Size
	}
	return a.admit, nil
}

// begin sends the first request. Its connection counts as one of the host's.
func (a *attempt) begin(ctx context.Context, off, n int64, validator string) (*answer, error) {
	ctx, cancel := watchdog(ctx, a.Job)
	defer cancel()
	var part *source.Part
	s, err := a.request(ctx, func() (err error) {
		part, err = a.openBeyond(ctx, off, n, validator)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &answer{part, s}, nil
}

// request calls send until it succeeds, with a connection of the host's, which the caller
// releases. A server may refuse what it is asked for since it answers requests for other files.
func (j *Job) request(ctx context.Context, send func() error) (*slot, error) {
	pauses := j.Engine.pauses()
	s, err := j.acquire(ctx)
	for crowded := 0; err == nil; {
		refusal := send()
		if refusal == nil {
			if j.host.answered(s); crowded > 0 {
				j.host.matterOfNumber()
			}
			return s, nil
		}
		j.release(s)
		if ctx.Err() == nil && source.IsPermanent(refusal) && j.mayBeCrowded(crowded) {
			crowded++
			j.crowded(refusal)
			s, err = j.counted(j.host.insist(ctx, j, pauses.NextBackOff()))
			continue
		}
		if err = j.failed(ctx, refusal, false, pauses); err == nil {
			s, err = j.acquire(ctx)
		}
	}
	return nil, err
}

// mayBeCrowded reports whether a first request, refused so often before, may have been refused
// since others are under way.
func (j *Job) mayBeCrowded(before int) bool {
	const most = 3 // where nothing else shows that the server does so
	busy, few := j.host.busy()
	return busy && (few || before < most)
}

// openBeyond opens a part that outlives ctx, which bounds the request alone.
func (a *attempt) openBeyond(ctx context.Context, off, n int64, validator string) (*source.Part, error) {
	request, end := context.WithCancelCause(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() { end(context.Cause(ctx)) })
	defer stop()
	part, err := a.get(request, off, n, validator)
	if err != nil {
		end(nil)
		return nil, err
	}
	part.Body = closeWith{part.Body, func() { end(nil) }}
	return part, nil
}
