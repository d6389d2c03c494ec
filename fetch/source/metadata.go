package source

import (
	"context"
	"encoding/binary"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/inith/inith/internal/usererr"
)

// Clouds serve credentials to every client that asks at a few addresses. Nobody may redirect there.

// isMetadata reports whether an address may be one where clouds serve credentials: all of
// the link-local ones, and those that a network translates to them.
func isMetadata(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	return a.IsLinkLocalUnicast() ||
		slices.ContainsFunc(metadataNetworks(), func(n netip.Prefix) bool { return n.Contains(a) }) ||
		slices.ContainsFunc(embedded(a), isMetadata)
}

func metadataNetworks() []netip.Prefix {
	return []netip.Prefix{
		netip.MustParsePrefix("fd00:ec2::/32"),      // Amazon
		netip.MustParsePrefix("fd20:ce::/32"),       // Google
		netip.MustParsePrefix("100.100.100.200/32"), // Alibaba
		netip.MustParsePrefix("168.63.129.16/32"),   // Azure
		netip.MustParsePrefix("192.0.0.192/32"),     // Oracle
	}
}

// embedded returns the IPv4 addresses that an IPv6 address may stand for.
func embedded(a netip.Addr) []netip.Addr {
	if !a.Is6() {
		return nil
	}
	b := a.As16()
	last := binary.BigEndian.Uint32(b[12:])
	within := func(network string) bool { return netip.MustParsePrefix(network).Contains(a) }
	switch {
	case within("64:ff9b:1::/48"): // NAT64 of a network's own (RFC 8215), with prefixes of 48 to 96 bits (RFC 6052)
		return []netip.Addr{
			v4(last), netip.AddrFrom4([4]byte{b[6], b[7], b[9], b[10]}), netip.AddrFrom4([4]byte{b[7], b[9], b[10], b[11]}),
			netip.AddrFrom4([4]byte(b[9:13])),
		}
	case within("2002::/16"): // 6to4 (RFC 3056)
		return []netip.Addr{netip.AddrFrom4([4]byte(b[2:6]))}
	case within("2001::/32"): // Teredo (RFC 4380)
		return []netip.Addr{v4(^last)}
	case within("64:ff9b::/96"), // NAT64 (RFC 6052)
		within("::/96"),           // IPv4-compatible (RFC 4291)
		within("::ffff:0:0:0/96"), // SIIT (RFC 7915)
		strings.HasSuffix(string(b[:12]), "\x00\x5e\xfe"), // ISATAP (RFC 5214), in any network
		slices.Contains(metadataServers(), last):          // NAT64 with any other prefix
		return []netip.Addr{v4(last)}
	default:
		return nil
	}
}

// metadataServers returns the IPv4 addresses that are known to serve credentials.
func metadataServers() []uint32 {
	return []uint32{0xa9fea9fe, 0xa9feaa02, 0xa9feaa17, 0x646464c8, 0xa83f8110, 0xc00000c0}
}

func v4(n uint32) netip.Addr {
	return netip.AddrFrom4([4]byte(binary.BigEndian.AppendUint32(nil, n)))
}

// namesMetadata reports whether a host in a URL is such an address, or a name that clouds
// have given to it.
func namesMetadata(host string) bool {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if a, ok := parseAddress(host); ok {
		return isMetadata(a)
	}
	return slices.Contains([]string{
		"metadata", "metadata.google.internal", "metadata.goog", "metadata.azure.internal", "metadata.tencentyun.com",
		"instance-data", "instance-data.ec2.internal",
	}, host)
}

// parseAddress reads an address. It knows the spellings of inet_aton(3) too, such as
// 0xa9fea9fe or 169.254.43518: we do not dial them, but a proxy may.
func parseAddress(host string) (netip.Addr, bool) {
	if a, err := netip.ParseAddr(host); err == nil {
		return a, true
	}
	parts := strings.Split(host, ".")
	if len(parts) > 4 {
		return netip.Addr{}, false
	}
	var sum uint64
	for i, part := range parts {
		bits := 8
		if i == len(parts)-1 {
			bits = 8 * (5 - len(parts))
		}
		n, err := strconv.ParseUint(part, 0, bits)
		if err != nil || strings.ContainsRune(part, '_') {
			return netip.Addr{}, false
		}
		sum = sum<<bits | n
	}
	return v4(uint32(sum)), true
}

func errMetadata() error {
	return &usererr.Error{
		Text: "redirected to a link-local address, or another one where clouds serve their credentials",
		Hint: "no file is served there: the server, or who controls its answers, is not to be trusted",
	}
}

// checkBehindProxy refuses a host that a proxy would look up for us, as far as we can: a
// name that we cannot look up may be one that only the proxy knows.
func (d *dialer) checkBehindProxy(ctx context.Context, host string) error {
	if d.isChosen(host) {
		return nil
	}
	if namesMetadata(host) || d.leadsToMetadata(ctx, host) {
		return Permanent(errMetadata())
	}
	return nil
}

func (d *dialer) leadsToMetadata(ctx context.Context, host string) bool {
	const longest = 2 * time.Second
	d.mu.Lock()
	leads, known := d.metadata[host]
	d.mu.Unlock()
	if known {
		return leads
	}
	ctx, cancel := context.WithTimeout(ctx, longest)
	defer cancel()
	addresses, _ := net.DefaultResolver.LookupNetIP(ctx, "ip", host) // none: the proxy may know more
	leads = slices.ContainsFunc(addresses, isMetadata)
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.metadata == nil {
		d.metadata = map[string]bool{}
	}
	d.metadata[host] = leads
	return leads
}
