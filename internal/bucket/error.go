package bucket

import (
	"io"
	"strings"
)

// An Error is what S3 says when it refuses. Both fields are the server's, who may repeat in them what it was sent.
type Error struct {
	Code   string
	Region string // of the bucket; "" if it is not said
}

// ReadError reads the body of an answer; the zero Error stands for one that is not S3's.
// https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
func ReadError(body io.Reader) (Error, error) {
	const longest = 64 << 10
	text, err := io.ReadAll(io.LimitReader(body, longest))
	if err != nil {
		return Error{}, err
	}
	return Error{Code: Element(string(text), "Code"), Region: Element(string(text), "Region")}, nil
}

// Element returns the text of the first element with a name in an answer, "" if there is none.
func Element(text, name string) string {
	_, after, _ := strings.Cut(text, "<"+name+">")
	value, _, found := strings.Cut(after, "</"+name+">")
	if !found {
		return ""
	}
	return strings.TrimSpace(value)
}
