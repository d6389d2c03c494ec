package option

import (
	"errors"
	"io"
	"os"
	"path/filepath"

	"github.com/inith/inith/internal/diag"
)

// ReadFile returns the content of a file, of the standard input if its name is "-". Its error does not repeat the name.
func ReadFile(name string) ([]byte, error) {
	if name == "-" {
		return io.ReadAll(os.Stdin)
	}
	b, err := os.ReadFile(filepath.Clean(name))
	if e, ok := errors.AsType[*os.PathError](err); ok {
		err = e.Err
	}
	return b, err
}

// InFile returns the problems of a file as one error, each with the name of the file.
func InFile(name string, problems []*diag.Error) error {
	errs := make([]error, len(problems))
	for i, p := range problems {
		p.File = name
		errs[i] = p
	}
	return errors.Join(errs...)
}

// InFileAt returns the error of a file with its name, and with its position if it has one.
func InFileAt(name string, err error) error {
	if p, ok := errors.AsType[*diag.Error](err); ok {
		return InFile(name, []*diag.Error{p})
	}
	return diag.At(diag.Position{File: name}, err)
}
