package logs

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/inith/inith/internal/usererr"
)

// drain reads all files to their ends and waits for the acknowledgements. Its error says what is left.
func (c *Collector) drain(ctx context.Context, changed <-chan struct{}) error {
	defer c.metrics.last(c)
	lingers := time.Now().Add(c.o.Linger)
	pass := time.NewTicker(quietTime)
	defer pass.Stop()
	c.scan(ctx)
	mood, before := eager, c.extent()
	for {
		c.fill(ctx, mood)
		c.metrics.update(c)
		if mood == closing && len(c.flying) == 0 && c.unread() == 0 {
			return nil
		}
		select {
		case <-c.stop:
			c.acknowledgeRest(ctx)
			return c.left()
		case err := <-c.crashed:
			return errors.Join(err, c.left())
		case chunk := <-c.done:
			c.acknowledge(ctx, chunk)
		case <-changed:
			c.scan(ctx)
		case <-pass.C:
			c.scan(ctx)
			now := c.extent()
			if mood = eager; now == before && time.Now().After(lingers) {
				mood = closing
			}
			before = now
		}
	}
}

// acknowledgeRest takes over what was delivered and not yet looked at.
func (c *Collector) acknowledgeRest(ctx context.Context) {
	for {
		select {
		case chunk := <-c.done:
			c.acknowledge(ctx, chunk)
		default:
			return
		}
	}
}

// An extent is how much there is to read.
type extent struct {
	files int
	bytes int64
}

func (c *Collector) extent() (e extent) {
	for _, i := range c.inputs {
		for _, file := range i.files {
			e.files++
			e.bytes += file.Position().Offset + file.Unread()
		}
	}
	return e
}

// unread returns how many bytes an output wants and were not read.
func (c *Collector) unread() (n int64) {
	for _, i := range c.inputs {
		for _, file := range i.files {
			if !c.unrouted[i.tagOf(file.Path)] {
				n += file.Unread()
			}
		}
	}
	return n
}

// left returns an error if something was not delivered, with the reason if an output has one.
func (c *Collector) left() error {
	files, bytes := 0, int64(0)
	for _, i := range c.inputs {
		for _, file := range i.files {
			if n := file.Undelivered(); n > 0 && !c.unrouted[i.tagOf(file.Path)] {
				files++
				bytes += n
			}
		}
	}
	if bytes == 0 {
		return nil
	}
	left := &usererr.Error{Text: fmt.Sprintf("undelivered: %d bytes of %d files; the position is kept for the next start", bytes, files)}
	for _, s := range c.sinks {
		if p := s.output.Problem(); p != nil {
			left.Text += "; " + p.Text
			left.Hint = p.Hint
			break
		}
	}
	return left
}
