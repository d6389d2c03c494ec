package lazyregexp_test

import (
	"testing"

	"github.com/inith/inith/internal/lazyregexp"
)

func TestNew(t *testing.T) {
	t.Parallel()
	digits := lazyregexp.New(`^[0-9]+$`)
	first, second := digits(), digits()
	if !first.MatchString("42") || first.MatchString("x") || first != second {
		t.Error("it does not match, or was compiled twice")
	}
}
