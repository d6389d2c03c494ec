package probe

import (
	"bufio"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/inith/inith/internal/usererr"
)

// natsInfo is what a server says first.
type natsInfo struct {
	LameDuck     bool `json:"ldm"` // shutting down: it asks its clients to leave
	TLSRequired  bool `json:"tls_required"`
	TLSAvailable bool `json:"tls_available"`
	JetStream    bool `json:"jetstream"`
}

// natsConnect is what a client says of itself.
type natsConnect struct {
	Verbose      bool   `json:"verbose"`
	Pedantic     bool   `json:"pedantic"`
	Name         string `json:"name"`
	Lang         string `json:"lang"`
	User         string `json:"user,omitempty"`
	Password     string `json:"pass,omitempty"`
	Token        string `json:"auth_token,omitempty"`
	Headers      bool   `json:"headers"`
	NoResponders bool   `json:"no_responders"` // needs headers
}

// A natsConn reads lines.
type natsConn struct {
	net.Conn
	lines *bufio.Reader
}

// maxNATSTotal bounds what a server may make us read, in bytes; maxNATSLine, one line: an INFO names all servers of a
// cluster.
const (
	maxNATSTotal = 256 << 10
	maxNATSLine  = 32 << 10
)

func newNATSConn(c net.Conn) *natsConn {
	return &natsConn{Conn: c, lines: bufio.NewReaderSize(&limitedConn{Conn: c, left: maxNATSTotal}, maxNATSLine)}
}

var errNotNATS = errors.New("not a line of the protocol of NATS")

// info reads the first line of a server.
func (c *natsConn) info() (natsInfo, error) {
	line, err := c.line()
	if err != nil {
		return natsInfo{}, err
	}
	text, found := strings.CutPrefix(line, "INFO ")
	var info natsInfo
	if !found {
		if strings.HasPrefix(line, "-ERR") {
			return info, natsError(line)
		}
		return info, errNotNATS
	}
	if err := json.Unmarshal([]byte(text), &info); err != nil {
		return info, errNotNATS
	}
	return info, nil
}

// greet sends a PING without a login. That the server refuses it means that it is up.
func (c *natsConn) greet() error {
	err := c.connect(natsConnect{Name: protoUser, Lang: "go"})
	if isRejected(err) {
		return nil
	}
	return err
}

// connect logs in. Whether that has worked shows by the answer to a PING.
func (c *natsConn) connect(as natsConnect) error {
	options, err := json.Marshal(as) //nolint:gosec // that is what a login sends
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(c, "CONNECT %s\r\nPING\r\n", options); err != nil {
		return err
	}
	_, err = c.expect("PONG")
	return err
}

// jetStream asks for the account, and has the answer sent to a subject that nobody else uses.
func (c *natsConn) jetStream() error {
	inbox := "_INBOX." + rand.Text()
	const ask = "SUB %s 1\r\nPUB $JS.API.INFO %s 0\r\n\r\n"
	if _, err := fmt.Fprintf(c, ask, inbox, inbox); err != nil {
		return err
	}
	line, err := c.expect("MSG", "HMSG")
	if err != nil {
		return err
	}
	if strings.HasPrefix(line, "HMSG") { // no responders
		return &usererr.Error{Text: "nothing answers for JetStream in the account"}
	}
	return c.readAccount(line)
}

// readAccount reads the answer of JetStream that follows a line MSG SUBJECT SID SIZE.
func (c *natsConn) readAccount(line string) error {
	words := strings.Fields(line)
	size, err := strconv.Atoi(words[len(words)-1])
	if err != nil || size < 0 || size > maxNATSLine {
		return errNotNATS
	}
	payload := make([]byte, size)
	if _, err := io.ReadFull(c.lines, payload); err != nil {
		return err
	}
	var account struct {
		Type  string `json:"type"`
		Error *struct {
			Code int `json:"code"`
		} `json:"error"`
	}
	switch err := json.Unmarshal(payload, &account); {
	case err != nil, account.Error == nil && account.Type == "":
		return errNotNATS
	case account.Error != nil:
		return &usererr.Error{Text: fmt.Sprintf("JetStream is not available to the account (code %d)", account.Error.Code)}
	}
	return nil
}

// expect returns the next line that begins with one of words. Others, which the server may send at any time, are skipped.
func (c *natsConn) expect(words ...string) (string, error) {
	for {
		line, err := c.line()
		if err != nil {
			return "", err
		}
		word, _, _ := strings.Cut(line, " ")
		switch {
		case slices.Contains(words, word):
			return line, nil
		case word == "PING":
			_, err = io.WriteString(c, "PONG\r\n")
		case word == "-ERR":
			err = natsError(line)
		case word != "INFO" && word != "+OK" && word != "PONG":
			err = errNotNATS
		}
		if err != nil {
			return "", err
		}
	}
}

func (c *natsConn) line() (string, error) {
	line, err := c.lines.ReadSlice('\n')
	return strings.TrimRight(string(line), "\r\n"), err
}

// natsError says what an error of the server means.
func natsError(line string) error {
	for _, known := range []struct {
		says, means string
		rejected    bool
	}{
		{"authorization violation", "user, password or token refused", true},
		{"authentication timeout", "the login took too long", false},
		{"authentication expired", "the credentials have expired", true},
		{"user authentication revoked", "the credentials are revoked", true},
		{"account authentication expired", "the account has expired", true},
		{"maximum connections exceeded", "the server has too many connections", false},
		{"maximum account active connections exceeded", "the account has too many connections", false},
		{"permissions violation", "the user lacks a permission", false},
		{"secure connection - tls required", "the server requires TLS", false},
		{"server shutdown", "the server is shutting down", false},
		{"stale connection", "the server closed a stale connection", false},
	} {
		if !strings.Contains(strings.ToLower(line), known.says) {
			continue
		}
		err := &usererr.Error{Text: known.means}
		if known.rejected {
			return Rejected(err)
		}
		return err
	}
	return &usererr.Error{Text: "the server answered with an error"}
}
