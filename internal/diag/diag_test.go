package diag_test

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/inith/inith/internal/diag"
	"github.com/inith/inith/internal/usererr"
)

func TestError(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		err  diag.Error
		want string
	}{
		{diag.Error{Message: "no value"}, "no value"},
		{diag.Error{Position: diag.Position{File: "a.yaml"}, Message: "no value"}, "a.yaml: no value"},
		{diag.Error{Position: diag.Position{File: "a.yaml", Line: 3}, Message: "no value"}, "a.yaml:3: no value"},
		{diag.Error{Position: diag.Position{File: "a.yaml", Line: 3, Column: 9}, Message: "no value"}, "a.yaml:3:9: no value"},
		{diag.Error{Position: diag.Position{Line: 3}, Message: "no value"}, "3: no value"},
		{diag.Error{Position: diag.Position{Column: 9}, Message: "no value"}, "column 9: no value"},
		{diag.Error{Position: diag.Position{Line: 3, Column: 9}, Err: fs.ErrNotExist}, "3:9: file does not exist"},
		{diag.Error{Message: "no value", Err: fs.ErrNotExist}, "no value"},
	} {
		if got := test.err.Error(); got != test.want {
			t.Errorf("got %q, want %q", got, test.want)
		}
	}
}

func TestCauseAndHint(t *testing.T) {
	t.Parallel()
	cause := &usererr.Error{Text: "the file is missing", Hint: "Mount it.", Err: fs.ErrNotExist}
	err := fmt.Errorf("plan: %w", diag.At(diag.Position{Line: 1}, cause))
	if !errors.Is(err, fs.ErrNotExist) {
		t.Error("the cause is lost")
	}
	if got := usererr.Hint(err); got != "Mount it." {
		t.Errorf("hint of the cause: got %q", got)
	}
	if got := usererr.Hint(&diag.Error{Message: "x", Hint: "Do it.", Err: cause}); got != "Do it." {
		t.Errorf("hint of the error itself: got %q", got)
	}
}

// TestSort holds the order to be the same, however the errors were found.
func TestSort(t *testing.T) {
	t.Parallel()
	want := []string{"a: x", "a:1: x", "a:1:2: x", "a:1:2: y", "a:1:2: w", "a:2:1: x", "b:1:1: x"}
	all := []*diag.Error{
		{Position: diag.Position{File: "a"}, Message: "x"},
		{Position: diag.Position{File: "a", Line: 1}, Message: "x"},
		{Position: diag.Position{File: "a", Line: 1, Column: 2}, Message: "x"},
		{Position: diag.Position{File: "a", Line: 1, Column: 2}, Message: "y"},
		{Position: diag.Position{File: "a", Line: 1, Column: 2}, Code: "later", Message: "w"},
		{Position: diag.Position{File: "a", Line: 2, Column: 1}, Message: "x"},
		{Position: diag.Position{File: "b", Line: 1, Column: 1}, Message: "x"},
	}
	for range len(all) {
		all = append(all[1:], all[0])
		got := diag.Compact(append(slices.Clone(all), all...))
		if diff := cmp.Diff(want, texts(got)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}

func texts[E error](all []E) []string {
	var texts []string
	for _, e := range all {
		texts = append(texts, e.Error())
	}
	return texts
}

func TestFlatten(t *testing.T) {
	t.Parallel()
	a, b, c := errors.New("a"), errors.New("b"), errors.New("c")
	both := fmt.Errorf("%w, after %w", a, b)
	for _, test := range []struct {
		err  error
		want []string
	}{
		{nil, nil},
		{a, []string{"a"}},
		{errors.Join(a, errors.Join(b, nil, errors.Join(c))), []string{"a", "b", "c"}},
		{errors.Join(both, c), []string{"a, after b", "c"}},
		{fmt.Errorf("all: %w", errors.Join(a, b)), []string{"all: a\nb"}},
	} {
		if diff := cmp.Diff(test.want, texts(diag.Flatten(test.err))); diff != "" {
			t.Errorf("%v (-want +got):\n%s", test.err, diff)
		}
	}
}
