// Command mongoserver says what MongoDB's specification has a server say to a client that logs in and pings: it stands in
// the conformance suite for MongoDB itself, which Debian does not have.
package main

import (
	"context"
	"flag"

	"github.com/inith/inith/internal/testing/simserver"
)

func main() {
	address := flag.String("address", "", "to listen on")
	password := flag.String("password", "", "of every user")
	flag.Parse()
	if _, err := simserver.Listen(context.Background(), "tcp", *address, simserver.MongoLogin(*password, false)); err != nil {
		panic(err)
	}
	select {}
}
