package faultserver

import (
	"bytes"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/textproto"
)

const block = 4096 // bytes, of caches and disks

// ranges returns faults of what is asked for and what comes.
func ranges() []Fault {
	return []Fault{
		{
			Number: 1, Name: "range-ignored", Does: "answers 200 with the whole file to every range, and promises none",
			Pinned: Right, Unpinned: Right, Naive: NaiveRanges, Harm: WrongBytes,
			Times: -1, when: ranged, respond: func(x *exchange) { x.whole(); x.answer.header.Del("Accept-Ranges") },
		},
		{
			Number: 1, Name: "range-ignored-once", Does: "answers 200 with the whole file to one range, not the first",
			Pinned: Right, Unpinned: Right, Naive: NaiveRanges, Harm: WrongBytes,
			Times: 1, when: func(x *exchange) bool { return ranged(x) && x.answer.span.Start > 0 }, respond: func(x *exchange) { x.whole() },
		},
		{
			Number: 2, Name: "ranges-promised", Does: "promises ranges, but answers 200 with the whole file",
			Pinned: Right, Unpinned: Right, Naive: NaiveRanges, Harm: WrongBytes,
			Times: -1, when: ranged, respond: func(x *exchange) { x.whole() },
		},
		{
			Number: 3, Name: "start-before", Does: "sends a range that starts before the one asked for, and says so",
			Pinned: Right, Unpinned: Right, Naive: NaiveRanges, Harm: WrongBytes,
			Times: 2, when: func(x *exchange) bool { return ranged(x) && x.answer.span.Start >= block },
			respond: func(x *exchange) { x.move(Span{x.answer.span.Start - block, x.answer.span.End}) },
		},
		{
			Number: 3, Name: "start-after", Does: "sends a range that starts after the one asked for, and says so",
			Pinned: Right, Unpinned: Right, Naive: NaiveRanges, Harm: WrongBytes,
			Times: 2, when: long,
			respond: func(x *exchange) { x.move(Span{x.answer.span.Start + block, x.answer.span.End}) },
		},
		{
			Number: 6, Name: "multipart", Does: "answers one range as multipart/byteranges",
			Pinned: Right, Unpinned: Right, Naive: NaiveRanges, Harm: WrongBytes,
			Times: -1, when: ranged, respond: asMultipart,
		},
		{
			Number: 7, Name: "416-inside", Does: "answers 416 to a range that is inside the file",
			Pinned: Right, Unpinned: Right, Naive: NaiveRanges, Harm: WrongBytes,
			Times: 1, Skip: 1, when: ranged, respond: unsatisfiable,
		},
		{
			Number: 7, Name: "416-at-end", Does: "sends all bytes without a length, is cut off there, and answers 416 to who asks for more",
			Pinned: Right, Unpinned: Right, Naive: NaiveResume, Harm: WrongBytes,
			Times: 1, respond: func(x *exchange) {
				x.unsized(chunks)
				x.place(x.answer.span.Len(), (*conn).fin)
			},
		},
	}
}

// long is an answer that is a range which can be shorter.
func long(x *exchange) bool { return ranged(x) && x.answer.span.Len() >= 2*block }

// fileOrHead is an answer that brings content, or would.
func fileOrHead(x *exchange) bool {
	return content(x) || head(x) && x.answer.status == http.StatusOK
}

// whole makes the answer one that brings the whole file.
func (x *exchange) whole() {
	a := x.answer
	a.status, a.span, a.length = http.StatusOK, Span{0, a.content.Len()}, a.content.Len()
	a.header.Del("Content-Range")
}

// unsized makes the answer one that brings the whole file without its length.
func (x *exchange) unsized(framing int64) {
	x.whole()
	x.answer.header.Del("Accept-Ranges")
	x.answer.length = framing
}

// move makes the answer bring another range, and say so.
func (x *exchange) move(s Span) {
	x.answer.span, x.answer.length = s, s.Len()
	x.answer.header.Set("Content-Range", contentRange(s, x.answer.content.Len()))
}

func (x *exchange) half() Span {
	s := x.answer.span
	return Span{s.Start, s.Start + s.Len()/2}
}

func totalUnknown(x *exchange) {
	a := x.answer
	if ranged(x) {
		a.header.Set("Content-Range", fmt.Sprintf("bytes %d-%d/*", a.span.Start, a.span.End-1))
		return
	}
	a.length = chunks
}

func unsatisfiable(x *exchange) {
	a := refuse(http.StatusRequestedRangeNotSatisfiable)
	a.header.Set("Content-Range", fmt.Sprintf("bytes */%d", x.content.Len()))
	x.replace(a)
}

func hang(x *exchange) { x.place(-1, (*conn).stall) }

// replaced puts another file in the place of the one there was.
func replaced(x *exchange) {
	x.server.change()
	x.content = x.server.now()
	if x.etag != "" {
		x.etag, x.modified = x.content.tag(), x.content.modified()
	}
}

func asMultipart(x *exchange) {
	a := x.answer
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	part, _ := w.CreatePart(textproto.MIMEHeader{
		"Content-Type": {a.header.Get("Content-Type")}, "Content-Range": {a.header.Get("Content-Range")},
	})
	_, _ = io.Copy(part, a.content.section(a.span)) // to memory
	_ = w.Close()
	a.header.Del("Content-Range")
	a.header.Set("Content-Type", "multipart/byteranges; boundary="+w.Boundary())
	a.text, a.length = body.Bytes(), int64(body.Len())
}
