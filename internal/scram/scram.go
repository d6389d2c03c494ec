// Package scram logs in by SCRAM without channel binding (RFC 5802, RFC 7677), as Kafka and MongoDB want it. What a
// server sends is bounded, and no error quotes it.
package scram

import (
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"hash"
	"strconv"
	"strings"
)

// Iterations of the hash that a server may ask for: fewer give the password away to who pretends to be the server (RFC
// 7677, section 4), more would keep the processor busy.
const (
	minIterations = 4096
	maxIterations = 500_000
)

var (
	errServerFirst = errors.New("the server's first message of SCRAM is not valid")
	errServerFinal = errors.New("the server does not know the password")
)

// header says that the client does not support channel binding.
const header = "n,,"

// A Client is one login. Its methods are called in their order.
type Client struct {
	hash           func() hash.Hash
	user, password string
	nonce          string
	serverKey      []byte // signed
}

// NewClient returns a login by a hash function such as [crypto/sha256.New].
func NewClient(h func() hash.Hash, user, password string) *Client {
	return &Client{hash: h, user: user, password: password, nonce: rand.Text()}
}

// First returns the client's first message.
func (c *Client) First() string { return header + c.firstBare() }

func (c *Client) firstBare() string {
	return "n=" + strings.NewReplacer("=", "=3D", ",", "=2C").Replace(c.user) + ",r=" + c.nonce
}

// Final returns the client's answer to the server's first message.
func (c *Client) Final(serverFirst string) (string, error) {
	nonce, salt, iterations, err := c.readServerFirst(serverFirst)
	if err != nil {
		return "", err
	}
	salted, err := pbkdf2.Key(c.hash, c.password, salt, iterations, c.hash().Size())
	if err != nil {
		return "", err
	}
	final := "c=" + base64.StdEncoding.EncodeToString([]byte(header)) + ",r=" + nonce
	message := c.firstBare() + "," + serverFirst + "," + final
	clientKey := c.sign(salted, "Client Key")
	digest := c.hash()
	_, _ = digest.Write(clientKey) // a hash never fails
	proof := c.sign(digest.Sum(nil), message)
	for i := range proof {
		proof[i] ^= clientKey[i]
	}
	c.serverKey = c.sign(c.sign(salted, "Server Key"), message)
	return final + ",p=" + base64.StdEncoding.EncodeToString(proof), nil
}

// readServerFirst reads r=NONCE,s=SALT,i=ITERATIONS, and maybe extensions.
func (c *Client) readServerFirst(message string) (nonce string, salt []byte, iterations int, err error) {
	attributes := strings.Split(message, ",")
	const required = 3
	if len(attributes) < required {
		return "", nil, 0, errServerFirst
	}
	nonce, hasNonce := strings.CutPrefix(attributes[0], "r=")
	encoded, hasSalt := strings.CutPrefix(attributes[1], "s=")
	count, hasCount := strings.CutPrefix(attributes[2], "i=")
	salt, saltErr := base64.StdEncoding.DecodeString(encoded)
	iterations, countErr := strconv.Atoi(count)
	ours := strings.HasPrefix(nonce, c.nonce) && len(nonce) > len(c.nonce)
	if !hasNonce || !hasSalt || !hasCount || !ours || saltErr != nil || countErr != nil ||
		iterations < minIterations || iterations > maxIterations {
		return "", nil, 0, errServerFirst
	}
	return nonce, salt, iterations, nil
}

// Verify checks the server's final message, by which it proves that it knows the password too.
func (c *Client) Verify(serverFinal string) error {
	encoded, found := strings.CutPrefix(serverFinal, "v=")
	encoded, _, _ = strings.Cut(encoded, ",")
	signature, err := base64.StdEncoding.DecodeString(encoded)
	if !found || err != nil || c.serverKey == nil || !hmac.Equal(signature, c.serverKey) {
		return errServerFinal
	}
	return nil
}

func (c *Client) sign(key []byte, message string) []byte {
	mac := hmac.New(c.hash, key)
	_, _ = mac.Write([]byte(message)) // a hash never fails
	return mac.Sum(nil)
}
