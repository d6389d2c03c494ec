//go:build !linux

package faultserver

import "net"

// pacedByKernel is for Linux.
func pacedByKernel(net.Conn, int64) bool { return false }
