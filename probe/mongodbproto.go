package probe

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"net"
)

// The messages of MongoDB, and the documents in them:
// https://www.mongodb.com/docs/manual/reference/mongodb-wire-protocol/ and https://bsonspec.org/spec.html
const (
	mongoHead      = 16 // bytes, in which all messages begin
	mongoMessage   = 2013
	mongoChecksum  = 1 // a flag: four bytes at the end
	maxMongoAnswer = 64 << 10
)

var errNotMongoDB = errors.New("not a message of MongoDB")

// A mongoConn sends commands and receives their answers.
type mongoConn struct{ net.Conn }

// run returns the answer to a command, which may be an error.
func (c *mongoConn) run(database string, command ...bsonElement) (bsonDocument, error) {
	body := appendBSON(make([]byte, 5), append(command, bsonElement{"$db", database})) // without flags, one section
	message := binary.LittleEndian.AppendUint32(nil, uint32(mongoHead+len(body)))      //nolint:gosec // a command is small
	for _, word := range []uint32{1, 0, mongoMessage} {                                // the number of the request, of what it answers, the kind
		message = binary.LittleEndian.AppendUint32(message, word)
	}
	if _, err := c.Write(append(message, body...)); err != nil {
		return nil, err
	}
	return c.receive()
}

func (c *mongoConn) receive() (bsonDocument, error) {
	var head [mongoHead]byte
	if _, err := io.ReadFull(c, head[:]); err != nil {
		return nil, err
	}
	size := binary.LittleEndian.Uint32(head[:])
	kind := binary.LittleEndian.Uint32(head[12:])
	const least = mongoHead + 4 + 1 + 5
	if kind != mongoMessage || size < least || size > maxMongoAnswer {
		return nil, errNotMongoDB
	}
	body := make([]byte, size-mongoHead)
	if _, err := io.ReadFull(c, body); err != nil {
		return nil, err
	}
	if binary.LittleEndian.Uint32(body)&mongoChecksum != 0 {
		body = body[:len(body)-4]
	}
	if body[4] != 0 { // the section with the document comes first
		return nil, errNotMongoDB
	}
	return readBSON(body[5:])
}

// A bsonElement is a name and a value: int32, bool, string, []byte or []bsonElement.
type bsonElement struct {
	name  string
	value any
}

// Types of elements.
const (
	bsonDouble, bsonString, bsonObject, bsonArray, bsonBinary = 0x01, 0x02, 0x03, 0x04, 0x05
	bsonObjectID, bsonBool, bsonDate, bsonNull                = 0x07, 0x08, 0x09, 0x0a
	bsonInt32, bsonTimestamp, bsonInt64, bsonDecimal          = 0x10, 0x11, 0x12, 0x13
)

func appendBSON(to []byte, elements []bsonElement) []byte {
	var b []byte
	for _, e := range elements {
		name := append([]byte(e.name), 0)
		switch v := e.value.(type) {
		case int32:
			b = append(append(b, bsonInt32), name...)
			b = binary.LittleEndian.AppendUint32(b, uint32(v)) //nolint:gosec // the same bits
		case bool:
			b = append(append(b, bsonBool), name...)
			b = append(b, map[bool]byte{true: 1}[v])
		case string:
			b = append(append(b, bsonString), name...)
			b = append(append(appendLength(b, len(v)+1), v...), 0)
		case []byte:
			b = append(append(b, bsonBinary), name...)
			b = append(append(appendLength(b, len(v)), 0), v...)
		case []bsonElement:
			b = append(append(b, bsonObject), name...)
			b = appendBSON(b, v)
		}
	}
	return append(append(appendLength(to, len(b)+5), b...), 0)
}

func appendLength(to []byte, n int) []byte {
	return binary.LittleEndian.AppendUint32(to, uint32(n)) //nolint:gosec // a command is small
}

// A bsonDocument has the values of a document: float64, int64, string, []byte, bool, or bsonRaw.
type bsonDocument map[string]any

// bsonRaw is a document within another, or an array.
type bsonRaw []byte

func (d bsonDocument) isTrue(name string) bool { return d[name] == true }

// number returns a number of any type, 0 if there is none.
func (d bsonDocument) number(name string) int64 {
	switch v := d[name].(type) {
	case int64:
		return v
	case float64:
		return int64(v)
	}
	return 0
}

// text returns what a binary value holds.
func (d bsonDocument) text(name string) string {
	b, _ := d[name].([]byte)
	return string(b)
}

// readBSON reads the document that b begins with.
func readBSON(b []byte) (bsonDocument, error) {
	size, ok := bsonSize(b)
	const least = 5
	if !ok || size < least || size > len(b) || b[size-1] != 0 {
		return nil, errNotMongoDB
	}
	document := bsonDocument{}
	for b = b[4 : size-1]; len(b) > 0; {
		kind := b[0]
		name, rest, found := bytes.Cut(b[1:], []byte{0})
		if !found {
			return nil, errNotMongoDB
		}
		value, n := bsonValue(kind, rest)
		if n < 0 || n > len(rest) {
			return nil, errNotMongoDB
		}
		document[string(name)] = value
		b = rest[n:]
	}
	return document, nil
}

// bsonSize reads a length, which begins b.
func bsonSize(b []byte) (size int, ok bool) {
	if len(b) < 4 {
		return 0, false
	}
	n := binary.LittleEndian.Uint32(b)
	return int(n), n <= maxMongoAnswer
}

// bsonValue returns the value that b begins with, and how many bytes it has: -1 if it is none.
func bsonValue(kind byte, b []byte) (value any, n int) {
	fixed := map[byte]int{
		bsonDouble: 8, bsonObjectID: 12, bsonBool: 1, bsonDate: 8, bsonNull: 0, bsonInt32: 4, bsonTimestamp: 8, bsonInt64: 8, bsonDecimal: 16,
	}
	if n, ok := fixed[kind]; ok {
		if n > len(b) {
			return nil, -1
		}
		return bsonFixed(kind, b), n
	}
	size, ok := bsonSize(b)
	if !ok {
		return nil, -1
	}
	switch {
	case kind == bsonString && size > 0 && 4+size <= len(b):
		return string(b[4 : 4+size-1]), 4 + size
	case kind == bsonBinary && 5+size <= len(b):
		return b[5 : 5+size], 5 + size
	case (kind == bsonObject || kind == bsonArray) && size >= 5 && size <= len(b):
		return bsonRaw(b[:size]), size
	}
	return nil, -1
}

func bsonFixed(kind byte, b []byte) any {
	switch kind {
	case bsonDouble:
		return math.Float64frombits(binary.LittleEndian.Uint64(b))
	case bsonBool:
		return b[0] == 1
	case bsonInt32:
		return int64(int32(binary.LittleEndian.Uint32(b))) //nolint:gosec // the same bits
	case bsonInt64:
		return int64(binary.LittleEndian.Uint64(b)) //nolint:gosec // the same bits
	}
	return nil
}
