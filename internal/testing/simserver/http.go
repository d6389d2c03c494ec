package simserver

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
)

// HTTP answers one request of each connection with a status.
func HTTP(status int) Handler {
	return func(c net.Conn) {
		if _, err := http.ReadRequest(bufio.NewReader(c)); err != nil {
			return
		}
		_, _ = fmt.Fprintf(c, "HTTP/1.1 %d %s\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", status, http.StatusText(status))
	}
}
