package simserver

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
)

// Redis answers each command, in upper case with its arguments, with what reply
// returns: a whole RESP value such as "+PONG\r\n".
func Redis(reply func(command []string) string) Handler {
	return func(c net.Conn) {
		r := bufio.NewReader(c)
		for {
			command, err := readCommand(r)
			if err != nil {
				return
			}
			if _, err := io.WriteString(c, reply(command)); err != nil {
				return
			}
		}
	}
}

// RedisPing is a server without a password that gives one answer to PING.
func RedisPing(answer string) Handler {
	return Redis(func(command []string) string {
		if command[0] == "PING" {
			return answer
		}
		return "-ERR unknown command\r\n"
	})
}

// readCommand reads an array of bulk strings.
func readCommand(r *bufio.Reader) ([]string, error) {
	n, err := readLength(r, "*")
	if err != nil {
		return nil, err
	}
	var command []string
	for range n {
		size, err := readLength(r, "$")
		if err != nil {
			return nil, err
		}
		b := make([]byte, size+2)
		if _, err := io.ReadFull(r, b); err != nil {
			return nil, err
		}
		command = append(command, string(b[:size]))
	}
	if len(command) == 0 {
		return nil, fmt.Errorf("no command")
	}
	command[0] = strings.ToUpper(command[0])
	return command, nil
}

func readLength(r *bufio.Reader, prefix string) (int, error) {
	line, err := r.ReadString('\n')
	if err != nil {
		return 0, err
	}
	n, err := strconv.Atoi(strings.TrimPrefix(strings.TrimSpace(line), prefix))
	if err != nil || n < 0 || n > 1<<16 {
		return 0, fmt.Errorf("not a length")
	}
	return n, nil
}
