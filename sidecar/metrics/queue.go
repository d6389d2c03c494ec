package metrics

import (
	"sync"
	"time"
)

// A queue holds what the sockets have received until it is parsed. Each packet is followed by a newline, so that one
// lock and one copy serve all packets that a system call has brought.
type queue struct {
	some   chan struct{} // there are packets, or the queue is closed
	urgent chan struct{} // there are many

	mu      sync.Mutex
	room    sync.Cond // packets were taken
	bytes   []byte
	packets int
	limit   int // packets
	closed  bool
}

const (
	// queueBytes bounds the memory of a queue, whatever the size of its packets.
	queueBytes = 8 << 20
	// gatherTime is how long packets wait for others, unless there are many: to wake a thread for each costs far more than
	// to parse it.
	gatherTime = 5 * time.Millisecond
)

func newQueue(limit int) *queue {
	q := &queue{limit: limit, some: make(chan struct{}, 1), urgent: make(chan struct{}, 1)}
	q.room.L = &q.mu
	return q
}

// offer puts packets as far as there is room for them, and returns how many were dropped.
func (q *queue) offer(packets [][]byte) (dropped int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, p := range packets {
		if q.full(len(p)) {
			dropped++
			continue
		}
		q.put(p)
	}
	return dropped
}

// wait puts a packet when there is room for it.
func (q *queue) wait(packet []byte) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for q.full(len(packet)) {
		q.room.Wait()
	}
	q.put(packet)
}

func (q *queue) full(n int) bool {
	return q.packets >= q.limit || len(q.bytes)+n >= queueBytes
}

func (q *queue) put(packet []byte) {
	q.bytes = append(append(q.bytes, packet...), '\n')
	if q.packets++; q.packets == 1 {
		notify(q.some)
	}
	if q.packets >= q.limit/4 || len(q.bytes) >= queueBytes/4 {
		notify(q.urgent)
	}
}

func notify(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// take returns all packets, each followed by a newline, when there are any, and false when the queue is closed and
// empty. The bytes of spare are used for those that come next.
func (q *queue) take(spare []byte) ([]byte, bool) {
	<-q.some
	select {
	case <-q.urgent:
	case <-time.After(gatherTime):
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	taken, some := q.bytes, q.packets > 0
	q.bytes, q.packets = spare[:0], 0
	if q.closed {
		notify(q.some)
		notify(q.urgent)
	}
	q.room.Broadcast()
	return taken, some
}

// close makes take return false once the queue is empty. Nothing may be put afterwards.
func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	notify(q.some)
	notify(q.urgent)
}
