//go:build !linux

package child

// adoptOrphans does nothing: only PID 1 can, and that it is only on Linux.
func adoptOrphans() {}
