package faultserver

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"time"
)

const corrupted = 43 // number of the faults whose bytes are wrong

// identity returns faults of what tells one file from another.
func identity() []Fault {
	return []Fault{
		{
			Number: 14, Name: "changed", Does: "has another file of the same length after the first request",
			Pinned: Right, Unpinned: Right, Naive: NaiveRanges, Harm: WrongBytes,
			Times: 1, Skip: 1, when: get, represent: replaced, prepare: func(s *Server) { s.changes = true },
		},
		{
			Number: 15, Name: "weak", Does: "has a weak ETag, which no If-Range matches, and an old date",
			Pinned: Right, Unpinned: Right, Naive: NaiveRanges, Harm: WrongBytes,
			Times: -1, when: all, represent: func(x *exchange) { x.etag = "W/" + x.etag },
		},
		{
			Number: 15, Name: "weak-fresh", Does: "has a weak ETag, and a date so new that it is no strong validator",
			Pinned: Right, Unpinned: Right, Naive: NaiveRanges, Harm: WrongBytes,
			Times: -1, when: all, represent: func(x *exchange) {
				x.etag = "W/" + x.etag
				x.modified = time.Now().UTC().Truncate(time.Second)
			},
		},
		{
			Number: 16, Name: "tag-by-backend", Does: "has an ETag that alternates, for the same bytes",
			Pinned: Right, Unpinned: Either, Naive: NaiveRanges, Harm: WrongBytes,
			Times: -1, when: all, represent: func(x *exchange) {
				x.etag = fmt.Sprintf("%q", fmt.Sprintf("backend-%d", x.server.turn()%2))
				x.modified = time.Time{}
			},
		},
		{
			Number: 17, Name: "changed-untold", Does: "has another file of the same length after the first request, with no validators",
			Pinned: Either, Unpinned: Blind, Avoidable: true, Naive: NaiveRanges, Harm: WrongBytes,
			Times: 1, Skip: 1, when: get, represent: replaced,
			prepare: func(s *Server) { s.bare, s.changes = true, true },
		},
	}
}

// integrity returns faults of digests, and of what they are for.
func integrity() []Fault {
	wrong := sha256.Sum256(nil)
	return []Fault{
		{
			Number: 19, Name: "digest-wrong", Does: "says that the file has a digest which it has not",
			Pinned: Either, Unpinned: Refuse, Naive: NaiveChecked, Harm: Fails,
			Times: -1, when: fileOrHead, respond: asserts(base64.StdEncoding.EncodeToString(wrong[:]), "FULL_OBJECT"),
		},
		{
			Number: 19, Name: "digest-composite", Does: "tells a digest of the digests of parts",
			Pinned: Right, Unpinned: Right, Naive: NaiveChecked, Harm: Fails,
			Times: -1, when: fileOrHead, respond: asserts(base64.StdEncoding.EncodeToString(wrong[:])+"-3", "COMPOSITE"),
		},
		{
			Number: corrupted, Name: "flipped", Does: "sends one wrong bit, once",
			Pinned: Right, Unpinned: Blind, Naive: Naive, Harm: WrongBytes,
			Times: 1, placed: true, respond: flipBit,
		},
		{
			Number: corrupted, Name: "flipped-always", Does: "sends the same wrong bit always",
			Pinned: Refuse, Unpinned: Blind, Naive: Naive, Harm: WrongBytes,
			Times: -1, placed: true, respond: flipBit,
		},
	}
}

// asserts returns what tells a digest as S3 does.
func asserts(sum, kind string) func(x *exchange) {
	return func(x *exchange) {
		x.answer.header.Set("X-Amz-Checksum-Sha256", sum)
		x.answer.header.Set("X-Amz-Checksum-Type", kind)
	}
}

func flipBit(x *exchange) {
	x.later = true
	if x.answer.flip != nil {
		x.injected.miss()
		return
	}
	x.answer.flip = &flip{Content: x.answer.content, at: x.at, injection: x.injected}
}
