package validate

import (
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"strings"
	"testing"
)

// TestKeyOfUnknownKind tells a key of an algorithm that crypto/x509 does not know from one that was damaged.
func TestKeyOfUnknownKind(t *testing.T) {
	t.Parallel()
	secp256k1, err := asn1.Marshal(struct {
		Version int
		Key     []byte
		Curve   asn1.ObjectIdentifier `asn1:"explicit,tag:0"`
	}{1, make([]byte, 32), asn1.ObjectIdentifier{1, 3, 132, 0, 10}})
	if err != nil {
		t.Fatal(err)
	}
	ed448, err := asn1.Marshal(struct {
		Version   int
		Algorithm pkix.AlgorithmIdentifier
		Key       []byte
	}{0, pkix.AlgorithmIdentifier{Algorithm: asn1.ObjectIdentifier{1, 3, 101, 113}}, make([]byte, 59)})
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		kind, want string
		der        []byte
	}{
		"secp256k1": {"EC PRIVATE KEY", errUnsupported.Error(), secp256k1},
		"Ed448":     {"PRIVATE KEY", errUnsupported.Error(), ed448},
		"DSA":       {"DSA PRIVATE KEY", errUnsupported.Error(), []byte("x")},
		"damaged":   {"PRIVATE KEY", errNotKey.Error(), ed448[:40]},
	} {
		b := readPEM("f", pem.EncodeToMemory(&pem.Block{Type: test.kind, Bytes: test.der}))
		if len(b.problems) != 1 || b.problems[0].Message != test.want {
			t.Errorf("%s: got %v, want %s", name, b.problems, test.want)
		}
	}
}

// TestBeginInAComment holds that a block begins at the start of a line only.
func TestBeginInAComment(t *testing.T) {
	t.Parallel()
	block := string(pem.EncodeToMemory(&pem.Block{Type: "DH PARAMETERS", Bytes: []byte("x")}))
	if b := readPEM("f", []byte("# made with openssl, -----BEGIN CERTIFICATE-----\n"+block)); len(b.problems) > 0 {
		t.Errorf("got %v", b.problems)
	}
	damaged := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("x")}))
	if b := readPEM("f", []byte("# -----BEGIN x\n#\n"+damaged)); len(b.problems) != 1 || b.problems[0].Line != 3 {
		t.Errorf("got %v, want a problem in line 3", b.problems)
	}
	if b := readPEM("f", []byte(strings.Replace(block, "\n", " ", 1))); len(b.problems) != 1 {
		t.Errorf("a damaged block: got %v", b.problems)
	}
}
