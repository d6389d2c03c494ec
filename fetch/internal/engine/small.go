package engine

import (
	"context"
	"io"

	"github.com/inith/inith/fetch/source"
	"github.com/inith/inith/internal/usererr"
)

// Ask calls send until it succeeds, as requests to the host of the job's source. Of the source,
// only the name and the origin are used.
func Ask(ctx context.Context, j *Job, send func(ctx context.Context) error) error {
	j.host = j.Engine.host(j.Source.Origin())
	ctx, cancel := watchdog(ctx, j)
	defer cancel()
	s, err := j.request(ctx, func() error { return send(ctx) })
	if err != nil {
		return err
	}
	j.release(s)
	return nil
}

// Small returns the whole object, if it is short: a list of digests.
func Small(ctx context.Context, j *Job) ([]byte, error) {
	const most = 4 << 20
	var b []byte
	err := Ask(ctx, j, func(ctx context.Context) (err error) {
		b, err = readSmall(ctx, j, most)
		return err
	})
	return b, err
}

func readSmall(ctx context.Context, j *Job, most int64) ([]byte, error) {
	part, err := j.get(ctx, 0, source.Whole, "")
	if err != nil {
		return nil, err
	}
	defer func() { _ = part.Body.Close() }()
	b, err := io.ReadAll(io.LimitReader(part.Body, most))
	if err != nil {
		return nil, cutOff(ctx, err)
	}
	if int64(len(b)) == most {
		return nil, source.Permanent(&usererr.Error{Text: "too long for a list of digests"})
	}
	return b, nil
}
