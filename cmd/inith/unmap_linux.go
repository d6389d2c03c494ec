package main

import (
	"os"
	"reflect"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// unmapBinary removes from our memory what only the start of the process needed of the binary: the initialization of all
// packages that are linked, some 5 MB. What is used again is mapped again, from the page cache. Writable pages stay, and
// so does code unless it is asked for: the work that follows runs most of it again.
func unmapBinary(code bool) {
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		return
	}
	var all []mapping
	binary := ""
	here := reflect.ValueOf(unmapBinary).Pointer()
	for line := range strings.Lines(string(maps)) {
		m := parseMapping(line)
		if m.start <= here && here < m.end {
			binary = m.file
		}
		all = append(all, m)
	}
	for _, m := range all {
		if m.file == binary && binary != "" && !m.writable && (code || !m.executable) {
			_, _, _ = unix.Syscall(unix.SYS_MADVISE, m.start, m.end-m.start, unix.MADV_DONTNEED)
		}
	}
}

// A mapping is a line of /proc/PID/maps (proc_pid_maps(5)).
type mapping struct {
	start, end           uintptr
	writable, executable bool
	file                 string // "" if it has none, or the line is not understood
}

func parseMapping(line string) mapping {
	const fields = 6 // the last one may contain spaces
	f := strings.SplitN(strings.Join(strings.Fields(line), " "), " ", fields)
	if len(f) < fields {
		return mapping{}
	}
	from, to, _ := strings.Cut(f[0], "-")
	start, err := strconv.ParseUint(from, 16, strconv.IntSize)
	end, errEnd := strconv.ParseUint(to, 16, strconv.IntSize)
	if err != nil || errEnd != nil {
		return mapping{}
	}
	return mapping{uintptr(start), uintptr(end), strings.Contains(f[1], "w"), strings.Contains(f[1], "x"), f[5]}
}
