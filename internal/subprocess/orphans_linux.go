package subprocess

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// adoptOrphans makes this process the parent of orphaned descendants, as PID 1
// is anyway.
func adoptOrphans() {
	_ = unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) // since Linux 3.4
}

// leaveOrphans undoes adoptOrphans, and reaps those that have ended.
func leaveOrphans() {
	_ = unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)
	for {
		if got, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil); got <= 0 && err != syscall.EINTR {
			return
		}
	}
}

// dieWithUs has a command killed when this process is.
func dieWithUs(attr *syscall.SysProcAttr) { attr.Pdeathsig = syscall.SIGKILL }
