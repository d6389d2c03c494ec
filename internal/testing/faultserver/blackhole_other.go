//go:build !linux

package faultserver

import (
	"context"
	"errors"
	"net/netip"
)

// ListenBlackhole is for Linux.
func ListenBlackhole(context.Context, netip.AddrPort) (stop func(), err error) {
	return nil, errors.ErrUnsupported
}
