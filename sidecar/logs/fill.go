package logs

import (
	"context"
	"time"

	"github.com/inith/inith/internal/usererr"
	"github.com/inith/inith/sidecar/logs/internal/output"
	"github.com/inith/inith/sidecar/logs/internal/record"
	"github.com/inith/inith/sidecar/logs/internal/tail"
)

// A mood says how eagerly files are read.
type mood int

const (
	calm    mood = iota // lines are gathered for a while
	eager               // all whole lines are wanted now
	closing             // all lines are: nobody writes any more
)

// fill sends chunks for as long as the outputs take them and there is something to send.
func (c *Collector) fill(ctx context.Context, m mood) {
	for c.bytes < inFlight && len(c.flying) < maxInFlight {
		progress := false
		for _, i := range c.inputs {
			progress = c.fillFrom(ctx, i, m) || progress
		}
		if !progress {
			return
		}
	}
}

// fillFrom makes one chunk of the files of an input that have the same tag. It reports whether a file was moved on.
func (c *Collector) fillFrom(ctx context.Context, i *input, m mood) bool {
	if c.bytes >= inFlight || len(c.flying) >= maxInFlight {
		return false
	}
	now := time.Now()
	d := delivery{input: i}
	tag, records, progress := "", 0, false
	var entries []byte
	for n := range i.files {
		file := i.files[(i.next+n)%len(i.files)]
		fileTag := i.tagOf(file.Path)
		if len(d.spans) > 0 && fileTag != tag || !c.due(file, now, m) || !c.routed(ctx, fileTag) {
			continue
		}
		if entries == nil {
			entries = c.entries(file.Unread())
		}
		tag = fileTag
		span, r := c.read(ctx, i, file, entries, now, m)
		entries = r.Entries
		if span == nil {
			continue
		}
		progress = true
		records += r.Records
		d.spans = append(d.spans, span)
		d.bytes += int64(r.Used)
		if len(entries) >= chunkBytes {
			i.next = (i.next + n + 1) % len(i.files)
			break
		}
	}
	c.submit(ctx, tag, entries, records, d)
	return progress
}

// due reports whether a file is to be read.
func (c *Collector) due(file *tail.File, now time.Time, m mood) bool {
	const plenty = chunkBytes / 4
	if file.Unread() == 0 || file.Deferred(int(c.end(file, now, m))) {
		return false
	}
	return m != calm || file.Unread() >= plenty || now.Sub(file.Waiting()) >= c.o.Flush
}

// end says what the end of a file is the end of.
func (c *Collector) end(file *tail.File, now time.Time, m mood) record.End {
	quiet := now.Sub(file.Grew())
	switch {
	case m == closing, !file.Gone().IsZero() && quiet >= c.inputs[0].tail.RotateWait:
		return record.Nothing
	case quiet >= multilineWait:
		return record.Lines
	}
	return record.More
}

// routed reports whether an output wants a tag.
func (c *Collector) routed(ctx context.Context, tag string) bool {
	for _, s := range c.sinks {
		if s.matches(tag) {
			return true
		}
	}
	if !c.unrouted[tag] && len(c.unrouted) < maxFiles {
		c.unrouted[tag] = true
		c.log.WarnContext(ctx, "not read: no output matches the tag", "tag", tag)
	}
	return false
}

// entries returns a buffer for what can be read.
func (c *Collector) entries(unread int64) []byte {
	if unread < chunkBytes/4 {
		return make([]byte, 0, unread+unread/2+1024)
	}
	if n := len(c.free); n > 0 {
		b := c.free[n-1]
		c.free = c.free[:n-1]
		return b
	}
	return make([]byte, 0, chunkBytes+64<<10)
}

// recycle keeps a large buffer for the next chunk.
func (c *Collector) recycle(entries []byte) {
	if cap(entries) >= chunkBytes && len(c.free) < 3 {
		c.free = append(c.free, entries[:0])
	}
}

// read appends the records of a file to entries. The span is nil if there are none.
func (c *Collector) read(ctx context.Context, i *input, file *tail.File, entries []byte, now time.Time, m mood) (*tail.Span, record.Result) {
	effort := c.end(file, now, m)
	data, err := i.follower.Read(ctx, file, c.buffer, now)
	if err != nil {
		c.log.WarnContext(ctx, "not readable", "path", file.Path, "err", usererr.Local(err).Text)
		file.Defer(int(record.Nothing))
	}
	if len(data) == 0 { // it was truncated
		return nil, record.Result{Entries: entries}
	}
	at := file.Position()
	source := record.Source{Path: file.Path, Offset: at.Offset, Inside: at.Inside, Time: now, End: effort}
	if int64(len(data)) < file.Unread() {
		source.End = record.More
	}
	r := i.encoder.Append(entries, data, source, chunkBytes-len(entries))
	if r.Used == 0 {
		file.Defer(int(effort))
		return nil, r
	}
	c.metrics.read.Add(float64(r.Used))
	return file.Take(data, r.Used, r.Inside), r
}

// submit gives a chunk to the outputs that want it.
func (c *Collector) submit(ctx context.Context, tag string, entries []byte, records int, d delivery) {
	if records == 0 {
		c.recycle(entries)
		if len(d.spans) > 0 {
			d.input.follower.Acknowledge(ctx, d.spans)
		}
		return
	}
	var wanted []*sink
	for _, s := range c.sinks {
		if s.matches(tag) {
			wanted = append(wanted, s)
		}
	}
	chunk := output.NewChunk(tag, entries, records, len(wanted))
	c.flying[chunk] = d
	c.bytes += len(entries)
	c.metrics.records.Add(float64(records))
	for _, s := range wanted {
		s.in <- chunk // there is room for all that are in flight
	}
}
