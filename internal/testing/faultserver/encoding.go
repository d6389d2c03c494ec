package faultserver

import (
	"bytes"
	"compress/gzip"
	"strings"
)

// encodings returns faults of how the bytes are dressed, and of other bytes in their
// place.
func encodings() []Fault {
	return []Fault{
		{
			Number: 20, Name: "gzip", Does: "sends everything with Content-Encoding gzip, although identity was asked for",
			Pinned: Refuse, Unpinned: Refuse, Naive: NaiveRanges, Harm: WrongBytes,
			Times: -1, respond: func(x *exchange) {
				a := x.answer
				a.header.Set("Content-Encoding", "gzip")
				some := Span{a.span.Start, min(a.span.End, a.span.Start+16*block)} // all takes too long to encode
				a.text = zip(a.content.read(some))
				a.length = int64(len(a.text))
			},
		},
		{
			Number: 21, Name: "gzip-offered", Does: "has a .gz file that it calls encoded to who accepts gzip, so that Go inflates it",
			Pinned: Right, Unpinned: Right, Avoidable: true, Naive: Naive, Harm: WrongBytes,
			Times: -1, when: func(x *exchange) bool {
				return fileOrHead(x) && strings.Contains(x.req.Header.Get("Accept-Encoding"), "gzip")
			},
			respond: func(x *exchange) { x.answer.header.Set("Content-Encoding", "gzip") },
			prepare: func(s *Server) { s.Content = Content{Bytes: zip(s.Content.All())} },
		},
		page("login-page", "answers 200 with a login page", "text/html; charset=utf-8",
			"<!doctype html><html><head><title>Sign in to the network</title></head><body>Please sign in.</body></html>\n"),
		page("xml-error", "answers 200 with an error in XML", "application/xml",
			`<?xml version="1.0" encoding="UTF-8"?><Error><Code>NoSuchKey</Code><Message>The key does not exist.</Message></Error>`),
		page("json-error", "answers 200 with an error in JSON", "application/json",
			`{"error":"the repository does not exist, or you have no access"}`),
		page("lfs-pointer", "answers 200 with a Git LFS pointer", "text/plain; charset=utf-8",
			"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 12345\n"),
	}
}

// page returns the fault that a text comes in the place of the file.
func page(name, does, media, text string) Fault {
	return Fault{
		Number: 23, Name: name, Does: does, Pinned: Refuse, Unpinned: Blind, Naive: Naive, Harm: WrongBytes,
		Times: -1, respond: func(x *exchange) {
			a := status(200, text)
			a.header.Set("Content-Type", media)
			x.replace(a)
		},
	}
}

// zip returns b as gzip has it, without an effort.
func zip(b []byte) []byte {
	var out bytes.Buffer
	w, _ := gzip.NewWriterLevel(&out, gzip.NoCompression) // the level is one
	_, _ = w.Write(b)                                     // to memory
	_ = w.Close()
	return out.Bytes()
}
