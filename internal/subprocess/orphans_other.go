//go:build !linux

package subprocess

import "syscall"

// adoptOrphans does nothing: only PID 1 can, and that it is only on Linux.
func adoptOrphans() {}

func leaveOrphans() {}

// dieWithUs does nothing: only Linux can.
func dieWithUs(*syscall.SysProcAttr) {}
