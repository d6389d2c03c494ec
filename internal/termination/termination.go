// Package termination writes the message that kubectl describe shows for a
// container that has ended.
package termination

import (
	"os"
	"strings"
	"unicode/utf8"
)

// DefaultPath is where the kubelet puts the file.
const DefaultPath = "/dev/termination-log"

// maxSize is what the kubelet reads of it, in bytes.
// https://kubernetes.io/docs/tasks/debug/debug-application/determine-reason-pod-failure/
const maxSize = 4096

// Write replaces the content of the file at path by message. It never creates
// the file: a missing one (outside Kubernetes) is an error that wraps
// [os.ErrNotExist].
func Write(path, message string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_TRUNC, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(cut(strings.TrimRight(message, "\n"), maxSize))
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	return err
}

// cut shortens s to at most size bytes, between two characters.
func cut(s string, size int) string {
	if len(s) <= size {
		return s
	}
	const more = "…"
	size -= len(more)
	for size > 0 && !utf8.RuneStart(s[size]) {
		size--
	}
	return s[:size] + more
}
