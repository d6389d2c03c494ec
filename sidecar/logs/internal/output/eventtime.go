package output

import (
	"encoding/binary"
	"errors"
	"time"
)

// An EventTime is the time of an entry: the extension 0 of MessagePack, with seconds and nanoseconds.
type EventTime struct{ time.Time }

// ExtensionType implements the extension of package msgp.
func (*EventTime) ExtensionType() int8 { return 0 }

// Len implements the extension of package msgp.
func (*EventTime) Len() int { return 8 }

// MarshalBinaryTo implements the extension of package msgp.
func (t *EventTime) MarshalBinaryTo(b []byte) error {
	binary.BigEndian.PutUint32(b, uint32(t.Unix()))           //nolint:gosec // until 2106, as the protocol
	binary.BigEndian.PutUint32(b[4:], uint32(t.Nanosecond())) //nolint:gosec // less than 1e9
	return nil
}

// UnmarshalBinary implements the extension of package msgp.
func (t *EventTime) UnmarshalBinary(b []byte) error {
	if len(b) != 8 {
		return errors.New("not a time")
	}
	t.Time = time.Unix(int64(binary.BigEndian.Uint32(b)), int64(binary.BigEndian.Uint32(b[4:])))
	return nil
}
