package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/inith/inith/cmd/inith/internal/option"
	"github.com/inith/inith/internal/bytesize"
	"github.com/inith/inith/tasks/install"
)

const installDescription = `Copies inith itself to DIR, which it creates, and prints the path: for an application
whose image does not contain inith, over a volume that both mount. At any moment the
path has no binary, the old one or the whole new one, however many Pods install there
at once. inith leaves an identical binary alone. Every user may execute it.

EXAMPLES:
   inith install /inith-bin         in an init container
   /inith-bin/inith wait --from-env DATABASE_URL -- /app/server`

type installOptions struct{ dir, name string }

func installCommand(c *call) *definition {
	type o = installOptions
	return define(c, spec[*o]{
		usage:       []string{"inith install [OPTION...] DIR"},
		description: func() string { return installDescription },
		table: option.Table[*o]{
			Options: []option.Option[*o]{
				{
					Arg: "DIR", Key: option.NoKey,
					Usage: "the directory of the volume",
					Set:   option.ToString(func(o *o) *string { return &o.dir }),
				},
				{
					Flag: "name", Key: option.NoKey, Default: "inith",
					Usage: "the `NAME` of the binary in DIR",
					Set:   option.ToString(func(o *o) *string { return &o.name }),
				},
			},
			Check: func(o *o, given option.Given) error {
				switch {
				case len(given.Args) != 1 || o.dir == "":
					return errors.New("want one DIR, as in inith install /inith-bin")
				case o.name != filepath.Base(o.name) || strings.Trim(o.name, ".") == "":
					return given.Errorf("name", "want the name of a file, without a directory")
				}
				return nil
			},
		},
		open: func(_ context.Context, s session, o *installOptions, _ option.Given) (job, error) {
			return &installJob{session: s, options: o}, nil
		},
	})
}

type installJob struct {
	session session
	options *installOptions
	path    string // of the installed binary
}

func (j *installJob) run(ctx context.Context) (outcome string, err error) {
	self, err := ownBinary()
	if err != nil {
		return "", fmt.Errorf("find our own binary: %w", err)
	}
	r, err := install.Install(ctx, self, j.options.dir, j.options.name)
	if err != nil {
		return "", err
	}
	j.path = r.Path
	message := "installed"
	if r.UpToDate {
		message = "up to date"
	}
	j.session.Log.With("path", r.Path, "bytes", r.Size).InfoContext(ctx, message) //nolint:sloglint // one of two constants
	return fmt.Sprintf("installed: %s, %s", r.Path, bytesize.Text(r.Size)), nil
}

// print prints the path of the binary.
func (j *installJob) print() error {
	_, err := fmt.Fprintln(j.session.Stdout, j.path)
	return err
}

// ownBinary returns the path of this program. On Linux that is one that is right even if the file was replaced
// meanwhile.
func ownBinary() (string, error) {
	const self = "/proc/self/exe"
	_, err := os.Stat(self)
	if runtime.GOOS == "linux" && err == nil {
		return self, nil
	}
	return os.Executable()
}
