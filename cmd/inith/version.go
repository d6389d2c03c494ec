package main

import (
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
)

// version is set by the linker for a release: -X main.version=v1.2.3.
var version string

func versionCommand(c *call) *definition {
	return printer{
		usage:       []string{"inith version"},
		description: "Prints the version, and the Go release and platform that inith was built for.",
		print:       func(string) error { return printVersion(c.stdout) },
	}.define(c)
}

func printVersion(w io.Writer) error {
	_, err := fmt.Fprintf(w, "inith %s %s %s/%s\n", buildVersion(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return err
}

// buildVersion returns the version that the linker or the go command set.
func buildVersion() string {
	if version != "" {
		return version
	}
	info, ok := debug.ReadBuildInfo()
	if ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}
