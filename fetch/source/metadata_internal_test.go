package source

import (
	"net/netip"
	"testing"
)

// TestIsMetadata knows an address however a network spells it.
func TestIsMetadata(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]bool{
		"169.254.169.254": true, "169.254.170.2": true, "fe80::1": true, "fe80::1%eth0": true, "::ffff:169.254.169.254": true,
		"fd00:ec2::254": true, "fd00:ec2::23": true, "fd00:ec2::254%1": true, "fd20:ce::254": true, "100.100.100.200": true, "168.63.129.16": true,
		"64:ff9b::a9fe:a9fe": true, "64:ff9b::169.254.170.2": true, "64:ff9b::6464:64c8": true,
		"64:ff9b:1::a9fe:a9fe": true, "64:ff9b:1:a9fe:a9:fe00::": true, "64:ff9b:1:0:a9:fea9:fe00:0": true, "64:ff9b:1:a9:fe:a9fe::": true,
		"::169.254.169.254": true, "::ffff:0:169.254.169.254": true, "2002:a9fe:a9fe::1": true,
		"2001:0:1:2:3:4:5601:5601": true, "2001:db8::200:5efe:169.254.0.1": true, "2001:db8::5efe:a9fe:1": true,
		"2001:db8:64::a9fe:a9fe": true, // NAT64 with a prefix of a network's own
		"1.2.3.4":                false, "127.0.0.1": false, "::1": false, "::": false, "10.0.0.1": false, "fd00::1": false, "2001:db8::1": false,
		"64:ff9b::102:304": false, "2002:102:304::1": false, "64:ff9b:1::102:304": false, "2001:db8::a9fe:1": false, "fd00:ec3::254": false,
	} {
		if got := isMetadata(netip.MustParseAddr(address)); got != want {
			t.Errorf("%s: %t", address, got)
		}
	}
}

func TestNamesMetadata(t *testing.T) {
	t.Parallel()
	for host, want := range map[string]bool{
		"169.254.169.254": true, "169.254.169.254.": true, "2852039166": true, "0xa9fea9fe": true, "0251.0376.0251.0376": true,
		"169.254.43518": true, "169.16689662": true, "0xA9.254.0xa9.0376": true, "fd00:ec2::254": true,
		"metadata.google.internal": true, "Metadata.Google.Internal.": true, "metadata": true, "instance-data.ec2.internal": true,
		"": false, "host": false, "1.2.3.4": false, "169.254.169.254.example.com": false, "999.254.169.254": false, "1_0.2.3.4": false,
		"metadata.example.com": false, "1.2.3.4.5": false, "a9fea9fe": false,
	} {
		if got := namesMetadata(host); got != want {
			t.Errorf("%q: %t", host, got)
		}
	}
}
