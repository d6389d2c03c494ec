package crash_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/inith/inith/internal/crash"
)

func TestRecover(t *testing.T) {
	var none []int
	for _, tt := range []struct {
		name string
		f    func()
		want string
	}{
		{"runtime error", func() { _ = none[len(none)] }, "index out of range"},
		{"value that may hold a secret", func() { panic(errors.New("s3cr3t")) }, "panic with a *errors.errorString"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := func() (err error) {
				defer crash.Recover(&err)
				tt.f()
				return nil
			}()
			e, ok := errors.AsType[*crash.Error](err)
			if !ok || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "s3cr3t") {
				t.Fatalf("err = %v, want one with %q", err, tt.want)
			}
			if !strings.Contains(string(e.Stack), "crash_test.go") {
				t.Error("the stack does not show where it happened")
			}
		})
	}
}
