package engine

import "io"

// closeWith ends something when a body is closed.
type closeWith struct {
	io.ReadCloser
	then func()
}

func (c closeWith) Close() error {
	err := c.ReadCloser.Close()
	c.then()
	return err
}
