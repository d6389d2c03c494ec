package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/urfave/cli/v2"
)

// version is set by the linker for a release: -X main.version=v1.2.3.
var version string

// noArgs marks a command that takes no argument.
const noArgs = " "

func versionCommand(p *process) *cli.Command {
	return &cli.Command{
		Name:        "version",
		Usage:       "print the version",
		UsageText:   "inith version",
		ArgsUsage:   noArgs,
		Description: "Prints the version, and the Go release and platform it was built for.",
		Action:      func(*cli.Context) error { return printVersion(p) },
	}
}

func printVersion(p *process) error {
	_, err := fmt.Fprintf(p.stdout, "inith %s %s %s/%s\n", buildVersion(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return err
}

// buildVersion returns the version that the linker or the go command set.
func buildVersion() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}
