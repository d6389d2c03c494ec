package genai

import "bytes"

// events reads server-sent events, and gives the data of each to a scanner.
// https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream
type events struct {
	scanner *scanner
	field   []byte // the beginning of a line, up to the colon; at most a few bytes
	inData  bool   // the line is data, and its field has been read
	skip    bool   // the line is something else
}

// Write reads a piece. It never fails.
func (e *events) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 {
		end := bytes.IndexByte(p, '\n')
		if end < 0 {
			e.part(p)
			break
		}
		e.part(p[:end])
		e.endLine()
		p = p[end+1:]
	}
	return n, nil
}

// part reads a part of a line.
func (e *events) part(p []byte) {
	const data = "data:"
	for len(p) > 0 && !e.inData && !e.skip {
		e.field = append(e.field, p[0])
		p = p[1:]
		switch {
		case string(e.field) == data:
			e.inData = true
		case e.field[len(e.field)-1] != data[len(e.field)-1]:
			e.skip = true
		}
	}
	if e.inData {
		_, _ = e.scanner.Write(p)
	}
}

// endLine ends a line. An empty one ends the event.
func (e *events) endLine() {
	if len(e.field) == 0 || string(e.field) == "\r" {
		e.scanner.reset()
	}
	e.field, e.inData, e.skip = e.field[:0], false, false
}
