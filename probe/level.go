package probe

import (
	"fmt"
	"slices"
	"strings"

	"github.com/inith/inith/internal/suggest"
)

// A Level is how much a target must do before it counts as ready. Each level includes
// the ones before it.
type Level int

// The levels, lowest first. The zero Level is the default of the kind.
const (
	LevelTCP   Level = iota + 1 // the port accepts a connection and keeps it
	LevelProto                  // the server answers its protocol and does not report that it is still starting
	LevelAuth                   // the login succeeds and a trivial query (SELECT 1, PING) is answered
	LevelState                  // what was asked for exists: a row, a key, a status
)

// levelNames are indexed by Level.
func levelNames() []string { return []string{"", "tcp", "proto", "auth", "state"} }

// String returns the name of l, "" for the zero Level.
func (l Level) String() string { return levelNames()[l] }

// ParseLevel returns the level of that name. The zero Level has none.
func ParseLevel(name string) (Level, error) {
	names := levelNames()
	if i := slices.Index(names, name); i > 0 {
		return Level(i), nil
	}
	return 0, fmt.Errorf("unknown level%s, want one of %s", suggest.DidYouMean(name, names[1:]), strings.Join(names[1:], ", "))
}
