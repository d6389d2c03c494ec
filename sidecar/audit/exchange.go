package audit

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/inith/inith/internal/crash"
	"github.com/inith/inith/sidecar/audit/internal/genai"
)

// An exchange is a request and its answer, on their way from and to a client.
type exchange struct {
	p     *Proxy
	w     http.ResponseWriter
	in    *http.Request
	id    string
	ownID bool // the id is made here
	start time.Time

	request, response side
	usage             *genai.Exchange // nil if the path is none of a model server
	most              Level           // that the exchange can get

	status     int // of the answer; zero if there was none
	answer     http.Header
	answeredAt time.Time
	endedAt    time.Time
	upgrade    string // the protocol that the connection was switched to
	outcome    outcome
	failure    string                // in words of ours
	requestErr atomic.Pointer[error] // of reading the request
	answerErr  error                 // of reading the answer
}

func (p *Proxy) begin(w http.ResponseWriter, r *http.Request) *exchange {
	p.metrics.open.Inc()
	x := &exchange{p: p, w: w, in: r, start: time.Now(), id: r.Header.Get("X-Request-Id"), request: newSide(&p.budget), response: newSide(&p.budget)}
	if !isID(x.id) {
		x.id, x.ownID = newID(), true
	}
	x.most = p.o.Record.highest(r.Method, r.URL.Path)
	if x.most != None {
		x.usage = genai.New(r.Method, r.URL.Path)
	}
	if x.most.records(Request) {
		x.request.limit = p.o.Record.BodyLimit
	}
	if x.most.records(RequestResponse) {
		x.response.limit = p.o.Record.BodyLimit
	}
	if x.usage != nil {
		x.request.usage = x.usage.Request(r.Header.Get("Content-Type"), r.Header.Get("Content-Encoding"))
	}
	x.request.expected = r.ContentLength
	if r.ContentLength == 0 {
		x.request.ended = true
	}
	return x
}

// isID reports whether a client's id for a request is one that is worth keeping.
func isID(s string) bool {
	if s == "" || len(s) > 128 {
		return false
	}
	for _, c := range []byte(s) {
		if c <= ' ' || c > '~' {
			return false
		}
	}
	return true
}

func newID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // it never fails
	return hexOf(b[:])
}

// hexOf returns at most 32 bytes in hexadecimal, with one allocation.
func hexOf(b []byte) string {
	var text [2 * sha256.Size]byte
	return string(text[:hex.Encode(text[:], b)])
}

// refusal returns why a request must not reach the application, "" if it may.
func (x *exchange) refusal(c *conn) string {
	if c.over {
		return "too many connections"
	}
	if x.p.o.Log.Policy == Closed && x.p.writer.Err() != nil {
		return "the audit log cannot be written"
	}
	if x.p.o.Log.Strict && x.most != None {
		if err := x.recordRequest(); err != nil {
			return "the audit log cannot be written"
		}
	}
	return ""
}

// refuse answers with 503.
func (x *exchange) refuse(reason string) {
	x.outcome, x.failure = outcomeRefused, reason
	x.w.Header().Set("Connection", "close")
	x.reply(http.StatusServiceUnavailable, reason)
}

// reply answers in place of the application.
func (x *exchange) reply(status int, text string) {
	x.status = status
	h := x.w.Header()
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("X-Request-Id", x.id)
	x.w.WriteHeader(status)
	body := []byte("inith: " + text + "\n")                                              // words of ours, none of the request
	if n, err := x.w.Write(body); err == nil || errors.Is(err, http.ErrBodyNotAllowed) { //nolint:gosec // text/plain, and nothing of the request
		x.response.pass(body[:n])
		x.response.end()
	}
}

// end records the exchange, however it ended. It runs while a panic is on its way too: that is how ReverseProxy cuts a
// connection. The end of the answer waits for the record only if that must be on the disk first.
func (x *exchange) end() {
	x.endedAt = time.Now()
	x.request.close()
	x.response.close()
	x.conclude()
	x.p.metrics.observe(x)
	level := x.p.o.Record.level(x.in.Method, x.in.URL.Path, x.contentTypes(), x.status)
	if level == None {
		x.release()
		return
	}
	if x.p.o.Log.Fsync != FsyncEach {
		x.p.ended <- ended{x, level, func(error) { x.release() }}
		return
	}
	done := make(chan struct{})
	x.p.ended <- ended{x, level, func(error) { close(done) }}
	<-done
	x.release()
}

// An ended exchange is one whose record is to be made. Then done is called, once, when it is written or lost.
type ended struct {
	*exchange

	level Level
	done  func(error)
}

// record makes the record and queues it.
func (x ended) record() {
	var r *record
	var err error
	func() {
		defer crash.Recover(&err)
		r = x.compose(x.level)
	}()
	if err != nil {
		x.p.o.Logger.Error("record lost", "id", x.id, "err", err)
		x.p.writer.Lose()
		x.done(err)
		return
	}
	x.request.forget()
	x.response.forget()
	x.p.append(r, x.done)
}

// release gives the memory of the bodies back.
func (x *exchange) release() {
	x.request.release()
	x.response.release()
}

// conclude finds how the exchange ended, unless that is known.
func (x *exchange) conclude() {
	defer x.p.metrics.open.Dec()
	stopped := errors.Is(context.Cause(x.in.Context()), errStopped)
	switch {
	case stopped && (x.outcome != "" && x.outcome != outcomeRefused || !x.response.ended):
		x.outcome, x.failure = outcomeTimeout, errStopped.Error()
		x.p.cut.Add(1)
	case x.outcome != "":
	case x.answerErr != nil && x.in.Context().Err() == nil:
		x.outcome, x.failure = outcomeUpstream, "the application broke off its answer"
	case !x.response.ended && x.upgrade == "":
		x.outcome, x.failure = outcomeClient, "the client did not take the whole answer"
	case x.requestErr.Load() != nil && x.upgrade == "":
		x.outcome, x.failure = outcomeClient, "the client broke off its request"
	default:
		x.outcome = outcomeOK
	}
}
