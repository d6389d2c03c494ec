package bucketserver

import (
	"cmp"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/inith/inith/internal/sigv4"
)

func sum(b []byte) []byte {
	h := sha256.Sum256(b)
	return h[:16]
}

// check returns the code of S3 for a request that is not signed, or not rightly; "" if it is.
func (s *Server) check(r *http.Request) string {
	const stamp = "20060102T150405Z"
	sent := r.Header.Get("Authorization")
	if sent == "" {
		return "AccessDenied"
	}
	_, scope, _ := strings.Cut(sent, "Credential=")
	scope, _, _ = strings.Cut(scope, ",")
	id, scope, _ := strings.Cut(scope, "/")
	parts := strings.Split(scope, "/") // day, region, service, aws4_request
	at, err := time.Parse(stamp, r.Header.Get("X-Amz-Date"))
	s.mu.Lock()
	key, known := s.keys[id]
	expired := s.expired[id]
	s.mu.Unlock()
	switch {
	case !known:
		return "InvalidAccessKeyId"
	case err != nil || len(parts) != 4:
		return "AuthorizationHeaderMalformed"
	case expired:
		return cmp.Or(s.ExpiredCode, "ExpiredToken")
	case parts[1] != s.Region:
		return "AuthorizationHeaderMalformed"
	case r.Header.Get("X-Amz-Security-Token") != key.Token:
		return "InvalidToken"
	case signed(r, key, parts[1], at) != sent:
		return "SignatureDoesNotMatch"
	}
	return ""
}

// signed returns the Authorization that a request should have, with the headers that it says are signed.
func signed(r *http.Request, key Key, region string, at time.Time) string {
	_, names, _ := strings.Cut(r.Header.Get("Authorization"), "SignedHeaders=")
	names, _, _ = strings.Cut(names, ",")
	again := &http.Request{Method: r.Method, URL: r.URL, Host: r.Host, Header: http.Header{}}
	for name := range strings.SplitSeq(names, ";") {
		if values := r.Header.Values(name); len(values) > 0 {
			again.Header[http.CanonicalHeaderKey(name)] = values
		}
	}
	sigv4.Sign(again, sigv4.Credentials{KeyID: key.ID, Secret: key.Secret, Token: key.Token}, sigv4.Scope{Region: region, Time: at})
	return again.Header.Get("Authorization")
}

// give returns credentials that nobody had before, and when they expire.
func (s *Server) give() (Key, string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.given++
	k := Key{ID: fmt.Sprintf("ASIA%dC4NARY", s.given), Secret: fmt.Sprintf("s3cr3t%d", s.given), Token: fmt.Sprintf("t0k3n%d", s.given)}
	s.keys[k.ID] = k
	return k, time.Now().Add(s.Lifetime).UTC().Format(time.RFC3339)
}

// sts answers AssumeRoleWithWebIdentity.
func (s *Server) sts(w http.ResponseWriter, r *http.Request) {
	if r.PostFormValue("WebIdentityToken") != s.IdentityToken || s.IdentityToken == "" || r.PostFormValue("RoleArn") == "" {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = fmt.Fprintf(w, "<ErrorResponse><Error><Type>Sender</Type><Code>InvalidIdentityToken</Code><Message>%s</Message></Error></ErrorResponse>",
			escape(r.PostFormValue("WebIdentityToken")))
		return
	}
	k, expires := s.give()
	_, _ = fmt.Fprintf(w, `<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleWithWebIdentityResult>
<Credentials><AccessKeyId>%s</AccessKeyId><SecretAccessKey>%s</SecretAccessKey><SessionToken>%s</SessionToken><Expiration>%s</Expiration></Credentials>
</AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>`, k.ID, k.Secret, k.Token, expires)
}

// agent answers as the agent of EKS Pod Identity.
func (s *Server) agent(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Authorization") != s.AgentToken || s.AgentToken == "" {
		w.WriteHeader(http.StatusForbidden)
		return
	}
	s.writeKey(w)
}

func (s *Server) writeKey(w http.ResponseWriter) {
	k, expires := s.give()
	_ = json.NewEncoder(w).Encode(map[string]string{
		"Code": "Success", "AccessKeyId": k.ID, "SecretAccessKey": k.Secret, "Token": k.Token, "Expiration": expires,
	})
}

// metadata answers as an instance of EC2 does that wants version 2.
func (s *Server) metadata(w http.ResponseWriter, r *http.Request) {
	const token = "met4data"
	switch {
	case r.URL.Path == "/latest/api/token" && r.Method == http.MethodPut && r.Header.Get("X-Aws-Ec2-Metadata-Token-Ttl-Seconds") != "":
		_, _ = w.Write([]byte(token))
	case r.Header.Get("X-Aws-Ec2-Metadata-Token") != token:
		w.WriteHeader(http.StatusUnauthorized)
	case r.URL.Path == "/latest/meta-data/iam/security-credentials/":
		_, _ = w.Write([]byte("node role\n"))
	case r.URL.Path == "/latest/meta-data/iam/security-credentials/node role":
		s.writeKey(w)
	default:
		w.WriteHeader(http.StatusNotFound)
	}
}
