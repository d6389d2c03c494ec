package azure

import "net/http"

// ToSign returns what a signature is of.
func ToSign(req *http.Request, account string) string { return toSign(req, account) }
