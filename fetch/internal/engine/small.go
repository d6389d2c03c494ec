package engine

import (
	"context"
	"io"

	"github.com/inith/inith/fetch/source"
	"github.com/inith/inith/internal/usererr"
)

// Small returns the whole object, if it is short: a list of digests.
func Small(ctx context.Context, j *Job) ([]byte, error) {
	const most = 4 << 20
	j.host = j.Engine.host(j.Source.Origin())
	ctx, cancel := watchdog(ctx, j)
	defer cancel()
	var b []byte
	s, err := j.request(ctx, func() (err error) {
		b, err = readSmall(ctx, j, most)
		return err
	})
	if err != nil {
		return nil, err
	}
	j.release(s)
	return b, nil
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
