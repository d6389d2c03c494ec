package fetch

import (
	"fmt"
	"strings"

	"github.com/inith/inith/fetch/source"
	"github.com/inith/inith/internal/usererr"
)

// checkNames reports a name that a server gives a file of a directory, and that none can have: it
// would be written elsewhere, or over another one, or among the state.
func checkNames(objects []source.Object) error {
	files := make(map[string]bool, len(objects))
	for _, o := range objects {
		if why := badName(o.Name); why != "" {
			return refusedName(o.Name, why)
		}
		if files[o.Name] {
			return refusedName(o.Name, "is in it twice")
		}
		files[o.Name] = true
	}
	for name := range files {
		for i, r := range name {
			if r == '/' && files[name[:i]] {
				return refusedName(name[:i], "is both a file and a directory")
			}
		}
	}
	return nil
}

// badName returns why a path cannot be that of a file in a directory, "" if it can.
func badName(name string) string {
	const (
		longest        = 4096 - 1024 // bytes: what is in front has a part of the limit of the system
		longestSegment = 255
	)
	switch {
	case name == "":
		return "is empty"
	case strings.ContainsRune(name, 0):
		return "has a zero byte in it"
	case len(name) > longest:
		return "is too long"
	}
	for segment := range strings.SplitSeq(name, "/") {
		switch {
		case segment == "":
			return "begins or ends with a slash, or has two of them in a row"
		case segment == "." || segment == "..":
			return "has . or .. in it"
		case len(segment) > longestSegment:
			return "is too long"
		}
	}
	if first, _, _ := strings.Cut(name, "/"); strings.EqualFold(first, ".inith") {
		return "is where inith keeps its state"
	}
	return ""
}

func refusedName(name, why string) error {
	const shown = 200
	if len(name) > shown {
		name = name[:shown] + "…"
	}
	return source.Permanent(&usererr.Error{
		Text: fmt.Sprintf("the name of a file in the directory cannot be used: %q %s", name, why),
		Hint: "no file was fetched: --exclude leaves files out",
	})
}
