package probe

import (
	"encoding/binary"

	"github.com/inith/inith/internal/usererr"
)

// The messages of grpc.health.v1.Health, and how they are framed.
// https://github.com/grpc/grpc/blob/master/doc/health-checking.md
// https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md
// https://protobuf.dev/programming-guides/encoding/
const (
	frameHeadSize = 5       // a flag for compression, and the size
	maxHealth     = 4 << 10 // bytes that are read of an answer

	serving, notServing = 1, 2 // of ServingStatus
)

// Types of fields.
const (
	wireVarint = 0
	wireI64    = 1
	wireLen    = 2
	wireI32    = 5
)

// healthRequest returns the frame of a HealthCheckRequest, whose field 1 is the service.
func healthRequest(service string) []byte {
	var message []byte
	if service != "" {
		message = append(binary.AppendUvarint([]byte{1<<3 | wireLen}, uint64(len(service))), service...)
	}
	frame := binary.BigEndian.AppendUint32([]byte{0}, uint32(len(message))) //nolint:gosec // a name in an argument is shorter
	return append(frame, message...)
}

// healthOf returns nil if the frame of a HealthCheckResponse says SERVING.
func healthOf(frame []byte) error {
	if len(frame) < frameHeadSize || frame[0] != 0 {
		return errHealth()
	}
	size, message := binary.BigEndian.Uint32(frame[1:]), frame[frameHeadSize:]
	status, ok := servingStatus(message)
	switch {
	case !ok || int64(size) != int64(len(message)):
		return errHealth()
	case status == serving:
		return nil
	case status == notServing:
		return &usererr.Error{Text: "the health is NOT_SERVING"}
	default:
		return &usererr.Error{Text: "the health is UNKNOWN"}
	}
}

func errHealth() error {
	return &usererr.Error{Text: "answered gRPC status 0 (OK), but not with a health", Hint: "check that this port serves grpc.health.v1.Health"}
}

// servingStatus returns field 1 of a message, zero if it is not there, and whether the message is well formed.
func servingStatus(message []byte) (status uint64, ok bool) {
	for len(message) > 0 {
		tag, n := binary.Uvarint(message)
		if n <= 0 {
			return 0, false
		}
		value, size := field(tag&7, message[n:])
		if size < 0 {
			return 0, false
		}
		if tag == 1<<3|wireVarint {
			status = value
		}
		message = message[n+size:]
	}
	return status, true
}

// field returns the value of a field that is a varint, and the size of any field, -1 if it is malformed.
func field(wireType uint64, b []byte) (value uint64, size int) {
	switch wireType {
	case wireVarint:
		value, size = binary.Uvarint(b)
		if size <= 0 {
			return 0, -1
		}
	case wireI64:
		size = 8
	case wireI32:
		size = 4
	case wireLen:
		length, n := binary.Uvarint(b)
		if n <= 0 || length > uint64(len(b)) {
			return 0, -1
		}
		size = n + int(length) //nolint:gosec // at most len(b)
	default:
		return 0, -1
	}
	if size > len(b) {
		return 0, -1
	}
	return value, size
}
