//go:build !linux

package faultserver

import (
	"context"
	"errors"
	"net/netip"
)

// listenBlackhole is for Linux.
func listenBlackhole(context.Context, netip.AddrPort) (stop func(), err error) {
	return nil, errors.ErrUnsupported
}
