package blobserver

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// check returns the refusal of a request that does not prove who asks; no code: it does.
func (s *Server) check(r *http.Request) (status int, code string) {
	sent := r.Header.Get("Authorization")
	kind, proof, _ := strings.Cut(sent, " ")
	s.mu.Lock()
	valid := s.tokens[proof]
	s.mu.Unlock()
	sas, _ := url.ParseQuery(s.SAS)
	at, dateErr := http.ParseTime(r.Header.Get("X-Ms-Date"))
	switch {
	case r.Header.Get("X-Ms-Version") == "" || dateErr != nil || time.Since(at).Abs() > 15*time.Minute:
		return http.StatusBadRequest, "MissingRequiredHeader"
	case sent == "" && r.URL.Query().Has("sig"):
		if s.SAS == "" || r.URL.Query().Get("sig") != sas.Get("sig") {
			return http.StatusForbidden, "AuthenticationFailed"
		}
	case sent == "" && !s.Public:
		return http.StatusUnauthorized, "NoAuthenticationInformation"
	case kind == "Bearer" && !valid:
		return http.StatusUnauthorized, "InvalidAuthenticationInfo"
	case kind == "SharedKey" && (s.Key == "" || proof != "account:"+signature(r, s.Key)):
		return http.StatusForbidden, "AuthenticationFailed"
	}
	return 0, ""
}

// signature returns that of a request without a body, as the documentation has it.
func signature(r *http.Request, key string) string {
	h := r.Header
	lines := []string{
		r.Method, h.Get("Content-Encoding"), h.Get("Content-Language"), "", h.Get("Content-MD5"), h.Get("Content-Type"), h.Get("Date"),
		h.Get("If-Modified-Since"), h.Get("If-Match"), h.Get("If-None-Match"), h.Get("If-Unmodified-Since"), h.Get("Range"),
	}
	var own, query []string
	for name := range h {
		if strings.HasPrefix(name, "X-Ms-") {
			own = append(own, strings.ToLower(name)+":"+h.Get(name))
		}
	}
	for name, values := range r.URL.Query() {
		query = append(query, strings.ToLower(name)+":"+strings.Join(values, ","))
	}
	slices.Sort(own)
	slices.Sort(query)
	path, _, _ := strings.Cut(r.RequestURI, "?")
	lines = append(append(append(lines, own...), "/account"+path), query...)
	secret, _ := base64.StdEncoding.DecodeString(key)
	mac := hmac.New(sha256.New, secret)
	_, _ = mac.Write([]byte(strings.Join(lines, "\n")))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// give returns a token that nobody had before. How it was asked for is noted.
func (s *Server) give(how string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.given++
	s.asked = append(s.asked, how)
	token := fmt.Sprintf("eyJ.%s%d", s.TokenText, s.given)
	s.tokens[token] = true
	return token
}

// Asked returns how tokens were asked for until now.
func (s *Server) Asked() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.asked, " ")
}

// entra answers as Microsoft Entra ID: the tenant is tenant, the application client.
func (s *Server) entra(w http.ResponseWriter, r *http.Request) {
	how := ""
	switch {
	case r.URL.Path != "/tenant/oauth2/v2.0/token", r.PostFormValue("client_id") != "client",
		r.PostFormValue("grant_type") != "client_credentials", r.PostFormValue("scope") != "https://storage.azure.com/.default":
	case s.Secret != "" && r.PostFormValue("client_secret") == s.Secret:
		how = "secret"
	case s.Assertion != "" && r.PostFormValue("client_assertion") == s.Assertion &&
		r.PostFormValue("client_assertion_type") == "urn:ietf:params:oauth:client-assertion-type:jwt-bearer":
		how = "assertion"
	}
	if how == "" {
		w.WriteHeader(http.StatusUnauthorized)
		_ = json.NewEncoder(w).Encode(map[string]any{"error": "invalid_client", "error_description": fmt.Sprint(r.Form), "error_codes": []int{7000215}})
		return
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"access_token": s.give(how), "expires_in": int(s.Lifetime / time.Second), "token_type": "Bearer"})
}

// metadata answers as the metadata service of a node, whose numbers are strings.
func (s *Server) metadata(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	if r.Header.Get("Metadata") != "true" || q.Get("resource") != "https://storage.azure.com/" || q.Get("api-version") == "" ||
		q.Has("client_id") && q.Get("client_id") != "client" {
		w.WriteHeader(http.StatusBadRequest)
		_ = json.NewEncoder(w).Encode(map[string]string{"error": "invalid_request", "error_description": "Identity not found"})
		return
	}
	_ = json.NewEncoder(w).Encode(map[string]string{
		"access_token": s.give("metadata"), "expires_in": strconv.Itoa(int(s.Lifetime / time.Second)), "token_type": "Bearer",
	})
}
