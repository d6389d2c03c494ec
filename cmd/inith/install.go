package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/inith/inith/internal/bytesize"
	"github.com/inith/inith/tasks/install"
)

const installDescription = `Copies inith itself to DIR, which is made, and prints the path: for an application
whose image does not have inith, over a volume that both mount. The path has no
binary, the old one or the whole new one, however many Pods install there at once;
one that is the same is left alone. Every user may execute it.

EXAMPLES:
   inith install /inith-bin         an init container; then the application's image starts
   /inith-bin/inith wait --from-env DATABASE_URL -- /app/server`

func installCommand(p *process) *cli.Command {
	const f = flagSet("install")
	return &cli.Command{
		Name:        "install",
		Usage:       "copy inith to a volume, for an application of another image",
		UsageText:   "inith install [OPTION...] DIR",
		Description: installDescription,
		Flags:       []cli.Flag{f.string("name", "the `NAME` of the binary in DIR (default: inith)")},
		Action:      func(c *cli.Context) error { return p.install(c.Context, c.Args().Slice(), c.String("name")) },
	}
}

func (p *process) install(ctx context.Context, args []string, name string) error {
	name = cmp.Or(name, "inith")
	switch {
	case len(args) != 1 || args[0] == "":
		return usagef("want one DIR, as in inith install /inith-bin")
	case name != filepath.Base(name) || strings.Trim(name, ".") == "":
		return usagef("--name: want the name of a file, without a folder")
	case p.command != nil:
		return usagef("install has no use for a command after --: the application's container starts it")
	}
	self, err := ownBinary()
	if err != nil {
		return fmt.Errorf("find our own binary: %w", err)
	}
	r, err := install.Install(ctx, self, args[0], name)
	if err != nil {
		return err
	}
	if log := p.logger().With("path", r.Path, "bytes", r.Size); r.UpToDate {
		log.InfoContext(ctx, "there already")
	} else {
		log.InfoContext(ctx, "installed")
	}
	p.terminate(fmt.Sprintf("installed: %s, %s", r.Path, bytesize.Text(r.Size)))
	_, err = fmt.Fprintln(p.stdout, r.Path)
	return err
}

// ownBinary returns the path of this program. On Linux that is one that is right
// even if the file was replaced meanwhile.
func ownBinary() (string, error) {
	const self = "/proc/self/exe"
	if _, err := os.Stat(self); runtime.GOOS == "linux" && err == nil {
		return self, nil
	}
	return os.Executable()
}
