// Command zookeeperserver answers srvr as ZooKeeper's documentation says: it stands in the conformance suite for ZooKeeper
// itself, which needs a JVM. It serves no requests until there is a file /tmp/ready.
package main

import (
	"context"
	"flag"
	"io"
	"net"
	"os"

	"github.com/inith/inith/internal/testing/simserver"
)

func main() {
	address := flag.String("address", "", "to listen on")
	flag.Parse()
	if _, err := simserver.Listen(context.Background(), "tcp", *address, answer); err != nil {
		panic(err)
	}
	select {}
}

// answer answers one word.
func answer(c net.Conn) {
	word := make([]byte, 4)
	if _, err := io.ReadFull(c, word); err != nil || string(word) != "srvr" {
		return
	}
	text := "This ZooKeeper instance is not currently serving requests\n"
	if _, err := os.Stat("/tmp/ready"); err == nil {
		text = "Zookeeper version: 3.9.3, built on 2024-10-17 23:21 UTC\nLatency min/avg/max: 0/0.0/0\nMode: standalone\nNode count: 5\n"
	}
	_, _ = io.WriteString(c, text)
}
