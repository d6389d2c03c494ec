package probe

import (
	"fmt"

	"github.com/inith/inith/internal/usererr"
)

// Result codes (RFC 4511, appendix A.1).
const (
	ldapOperationsError         = 1
	ldapStrongerAuthRequired    = 8
	ldapConfidentialityRequired = 13
	ldapNoSuchObject            = 32
	ldapInvalidDNSyntax         = 34
	ldapInappropriateAuth       = 48
	ldapInvalidCredentials      = 49
	ldapInsufficientAccess      = 50
	ldapBusy                    = 51
	ldapUnavailable             = 52
	ldapUnwilling               = 53
)

// ldapLoginError says what the result of a login means.
func ldapLoginError(code int, anonymous bool) error {
	switch code {
	case ldapStrongerAuthRequired, ldapConfidentialityRequired:
		return ldapResult(code, "the server wants TLS for this login", "use ldaps://, or "+startTLSScheme+":// at the same port")
	case ldapInappropriateAuth, ldapInvalidCredentials, ldapInsufficientAccess, ldapUnwilling:
		if anonymous {
			return ldapResult(code, "the server refuses anonymous logins", "add a user and #password-file= to the URL")
		}
		return Rejected(ldapResult(code, "user or password refused", "check the password, and that the user is the whole DN, percent-encoded"))
	case ldapNoSuchObject:
		return ldapResult(code, "the user does not exist (yet)", "check whether the job that creates it has run")
	}
	return ldapError(code)
}

// ldapSearchError says what the result of a search means. That there is no entry, or none that may be read, is no error.
func ldapSearchError(code int) error {
	switch code {
	case ldapNoSuchObject, ldapInsufficientAccess:
		return nil
	case ldapOperationsError: // what Active Directory says without a login
		return ldapResult(code, "the server refuses the search", "add a user and #password-file= to the URL: the server may want a login first")
	}
	return ldapError(code)
}

// ldapStartTLSError says why a server does not start TLS.
func ldapStartTLSError(code int) error {
	switch code {
	case 0, ldapBusy, ldapUnavailable:
		return ldapError(code)
	}
	return ldapResult(code, "the server does not offer StartTLS", "configure a certificate in the server, or use ldaps://")
}

// ldapDisconnection says why a server ends a connection by itself.
func ldapDisconnection(answer []byte) error {
	code, err := ldapCode(answer)
	switch {
	case err != nil:
		return err
	case code == ldapUnavailable:
		return ldapResult(code, "the server is shutting down", "")
	}
	return ldapResult(code, "the server ended the connection", "")
}

// ldapError says what a result means that every request may have.
func ldapError(code int) error {
	switch code {
	case 0:
		return nil
	case ldapBusy:
		return ldapResult(code, "the server is busy", "")
	case ldapUnavailable:
		return ldapResult(code, "the server is unavailable: it is starting or shutting down", "")
	case ldapInvalidDNSyntax:
		return ldapResult(code, "the server does not take this for a DN", "write a DN such as cn=app,dc=example,dc=org, percent-encoded")
	}
	return ldapResult(code, "the server refuses the request", "")
}

// ldapResult returns an error of ours: the diagnostic message of the server is never shown.
func ldapResult(code int, text, hint string) *usererr.Error {
	return &usererr.Error{Text: fmt.Sprintf("%s (code %d)", text, code), Hint: hint}
}
