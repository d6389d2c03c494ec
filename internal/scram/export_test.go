package scram

// SetNonce makes a login repeatable, as the examples of RFCs are.
func (c *Client) SetNonce(nonce string) { c.nonce = nonce }
