package metrics

import "sync"

// A queue holds what the sockets have received until it is parsed. Each packet is followed by a newline, so that one
// lock, one copy and one wake-up serve all packets that a system call has brought.
type queue struct {
	mu      sync.Mutex
	changed sync.Cond // something was put, taken, or the queue was closed
	bytes   []byte
	packets int
	limit   int // packets
	closed  bool
}

// queueBytes bounds the memory of a queue, whatever the size of its packets.
const queueBytes = 8 << 20

func newQueue(limit int) *queue {
	q := &queue{limit: limit}
	q.changed.L = &q.mu
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
	q.changed.Broadcast()
	return dropped
}

// wait puts a packet when there is room for it.
func (q *queue) wait(packet []byte) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for q.full(len(packet)) {
		q.changed.Wait()
	}
	q.put(packet)
	q.changed.Broadcast()
}

func (q *queue) full(n int) bool {
	return q.packets >= q.limit || len(q.bytes)+n >= queueBytes
}

func (q *queue) put(packet []byte) {
	q.bytes = append(append(q.bytes, packet...), '\n')
	q.packets++
}

// take returns all packets, each followed by a newline, when there are any, and false when the queue is closed and
// empty. The bytes of spare are used for those that come next.
func (q *queue) take(spare []byte) ([]byte, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for q.packets == 0 {
		if q.closed {
			return nil, false
		}
		q.changed.Wait()
	}
	taken := q.bytes
	q.bytes, q.packets = spare[:0], 0
	q.changed.Broadcast()
	return taken, true
}

// close makes take return false once the queue is empty. Nothing may be put afterwards.
func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.changed.Broadcast()
}
