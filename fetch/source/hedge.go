package source

import (
	"context"
	"io"
	"net/http"
	"time"
)

// An attempt is what came of sending a request.
type attempt struct {
	number int
	resp   *http.Response
	err    error
}

// hedged sends a request, and when no answer came for so long, a second one on another
// connection: the server may need longer, or the connection may be dead. From then on it
// replaces the second one each time. The first answer counts. An error counts when nothing
// else is on its way.
func hedged(ctx context.Context, wait time.Duration, send func(context.Context) (*http.Response, error)) (*http.Response, error) {
	results := make(chan attempt, 1)
	var ends []context.CancelFunc
	start := func() {
		number := len(ends)
		ctx, end := context.WithCancel(ctx)
		ends = append(ends, end)
		go func() {
			resp, err := send(ctx)
			results <- attempt{number, resp, err}
		}()
	}
	start()
	timer := time.NewTicker(wait)
	defer timer.Stop()
	for pending := 1; ; {
		select {
		case <-timer.C:
			start()
			pending++
			if last := len(ends) - 2; last > 0 {
				ends[last]()
			}
		case a := <-results:
			pending--
			if a.err == nil || pending == 0 {
				return a.finish(ends, results, pending)
			}
		}
	}
}

// finish ends the other attempts and waits for them. The context of this one lasts until
// its body is closed.
func (a attempt) finish(ends []context.CancelFunc, results <-chan attempt, pending int) (*http.Response, error) {
	for i, end := range ends {
		if i != a.number || a.err != nil {
			end()
		}
	}
	for range pending {
		if other := <-results; other.err == nil {
			_ = other.resp.Body.Close()
		}
	}
	if a.err == nil {
		a.resp.Body = bodyWithEnd{a.resp.Body, ends[a.number]}
	}
	return a.resp, a.err
}

// A bodyWithEnd calls end when it is closed.
type bodyWithEnd struct {
	io.ReadCloser
	end func()
}

func (b bodyWithEnd) Close() error {
	err := b.ReadCloser.Close()
	b.end()
	return err
}
