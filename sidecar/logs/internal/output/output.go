// Package output delivers chunks of records to where they are wanted: a receiver of Fluent's Forward protocol, stdout or
// a file.
package output

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"sync/atomic"

	"github.com/inith/inith/internal/usererr"
)

// A Chunk is records that are delivered together. It does not change.
type Chunk struct {
	ID      string // stays the same when it is sent again
	Tag     string
	Entries []byte // of MessagePack: times and records
	Records int

	// Pending is the number of outputs that have not delivered it.
	Pending atomic.Int32
}

// NewChunk returns a chunk with an ID of its own: 128 bits in base64, as other clients have it.
func NewChunk(tag string, entries []byte, records, outputs int) *Chunk {
	var id [16]byte
	_, _ = rand.Read(id[:]) // it never fails
	c := &Chunk{ID: base64.StdEncoding.EncodeToString(id[:]), Tag: tag, Entries: entries, Records: records}
	c.Pending.Store(int32(outputs)) //nolint:gosec // a few
	return c
}

// An Output delivers chunks.
type Output interface {
	// Run delivers what comes from in, until ctx ends. It calls delivered for each chunk, in any order, once. It tries again
	// for as long as it takes, and gives up nothing.
	Run(ctx context.Context, in <-chan *Chunk, delivered func(*Chunk))
	// Problem returns why nothing is delivered at the moment; nil if nothing is known to stand in the way.
	Problem() *usererr.Error
}

// A problem is what an output has last tried in vain.
type problem struct{ current atomic.Pointer[usererr.Error] }

// Problem implements [Output].
func (p *problem) Problem() *usererr.Error { return p.current.Load() }

// Discard is an output that keeps nothing.
type Discard struct{}

// Problem implements [Output].
func (Discard) Problem() *usererr.Error { return nil }

// Run implements [Output].
func (Discard) Run(ctx context.Context, in <-chan *Chunk, delivered func(*Chunk)) {
	for {
		select {
		case c := <-in:
			delivered(c)
		case <-ctx.Done():
			return
		}
	}
}
