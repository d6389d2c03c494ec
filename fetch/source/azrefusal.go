package source

import (
	"net/http"
)

// refusal says what a refusal of the Blob service means, nil if it has no meaning of its own. Its code is in a header, for HEAD too.
// Of what the server says nothing is shown but known codes.
// https://learn.microsoft.com/en-us/rest/api/storageservices/blob-service-error-codes
func (c *azContainer) refusal(resp *http.Response) error {
	status, code := resp.StatusCode, resp.Header.Get("X-Ms-Error-Code")
	switch {
	case status == http.StatusPreconditionFailed:
		return ErrChanged
	case status < http.StatusMultipleChoices:
		return directoryBlob(resp)
	case !isRefusal(status):
		return nil
	}
	text, hint := "not as Azure Blob Storage does", "Check the endpoint, the container and the version."
	switch code {
	case "ContainerNotFound", "ContainerBeingDeleted":
		text, hint = "there is no container "+c.name.container, "Check the account, the container and the endpoint."
	case "BlobNotFound", "PathNotFound":
		return noObject(code + ": the container " + c.name.container + " has no such blob")
	case "AuthenticationFailed":
		text, hint = "the signature is not accepted", "Check the key of the account, or the shared access signature and when it expires"+skew(resp)+"."
	case "BlobArchived":
		text, hint = "the blob is archived", "Rehydrate it first."
	default:
		switch {
		case status == http.StatusUnauthorized && c.login != nil:
			return denied(resp, c.login, "Check that the identity is of the tenant that the account belongs to.")
		case status == http.StatusUnauthorized, status == http.StatusForbidden, code == "PublicAccessNotPermitted":
			text, hint = "access is denied", c.accessHint()
		case status == http.StatusNotFound:
			return noObject("there is no such blob, or no such container")
		}
		code = "" // what is not known is not shown
	}
	return refusedForGood(status, code, text, hint)
}

// directoryBlob says that what the server has is the directory of an account with a hierarchical namespace, nil if it is a blob.
func directoryBlob(resp *http.Response) error {
	if resp.Header.Get("X-Ms-Meta-Hdi_isfolder") != "true" && resp.Header.Get("X-Ms-Resource-Type") != "directory" {
		return nil
	}
	return noObject("it is a directory without files")
}

func (c *azContainer) accessHint() string {
	switch {
	case c.login != nil:
		return "The identity needs the role Storage Blob Data Reader; the network rules of the account may forbid access, too."
	case c.sas != "":
		return "The shared access signature must allow to read blobs (r), and to list them for a directory (l)."
	case c.key != nil:
		return "The account may forbid its key, and have network rules that forbid access."
	default:
		return "The request had no credentials, and the container is not public: give some instead of --no-sign-request."
	}
}
