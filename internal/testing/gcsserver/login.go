package gcsserver

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// KeyFile returns the key of a service account, as Google Cloud gives it.
func (s *Server) KeyFile() []byte {
	der, _ := x509.MarshalPKCS8PrivateKey(s.key())
	return marshal(map[string]any{
		"type": "service_account", "client_email": "reader@project.iam.gserviceaccount.com", "private_key_id": "1", "token_uri": s.URL + "/token",
		"private_key": string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})),
	})
}

// UserFile returns the login of a user, as gcloud writes it.
func (s *Server) UserFile(refreshToken string) []byte {
	return marshal(map[string]any{
		"type": "authorized_user", "client_id": "id", "client_secret": "s3cr3t", "refresh_token": refreshToken, "token_uri": s.URL + "/token",
	})
}

// ExternalFile returns an external identity: source is its credential_source.
func (s *Server) ExternalFile(source map[string]any, impersonate bool) []byte {
	file := map[string]any{ //nolint:gosec // no credentials
		"type": "external_account", "audience": "//iam.googleapis.com/pool", "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
		"token_url": s.URL + "/sts", "credential_source": source,
	}
	if impersonate {
		file["service_account_impersonation_url"] = s.URL + "/impersonate"
	}
	return marshal(file)
}

func marshal(v any) []byte {
	b, _ := json.Marshal(v)
	return b
}

// give returns a token that nobody had before. One of the store's API is valid there.
func (s *Server) give(ofStore bool) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.given++
	token := fmt.Sprintf("ya29.%s%d", s.TokenText, s.given)
	s.tokens[token] = ofStore
	return token
}

// serveToken answers as a server of tokens, and reports whether it did.
func (s *Server) serveToken(w http.ResponseWriter, r *http.Request) bool {
	switch r.URL.Path {
	case "/token":
		s.token(w, r)
	case "/sts":
		s.sts(w, r)
	case "/impersonate":
		s.impersonate(w, r)
	case "/subject":
		_ = json.NewEncoder(w).Encode(map[string]string{"access_token": s.SubjectToken})
	case "/computeMetadata/v1/instance/service-accounts/default/token":
		s.metadata(w, r)
	default:
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, r.URL.Path)
	return true
}

// Asked returns the paths of the servers of tokens that were asked until now.
func (s *Server) Asked() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.asked, " ")
}

func (s *Server) write(w http.ResponseWriter, token string) {
	_ = json.NewEncoder(w).Encode(map[string]any{"access_token": token, "token_type": "Bearer", "expires_in": int(s.Lifetime / time.Second)})
}

// refuseToken refuses, and repeats what it was sent.
func refuseToken(w http.ResponseWriter, r *http.Request, code string) {
	w.WriteHeader(http.StatusBadRequest)
	_ = json.NewEncoder(w).Encode(map[string]string{"error": code, "error_description": fmt.Sprint(r.Form, r.Header)})
}

func (s *Server) token(w http.ResponseWriter, r *http.Request) {
	switch r.PostFormValue("grant_type") {
	case "urn:ietf:params:oauth:grant-type:jwt-bearer":
		if !s.signed(r.PostFormValue("assertion")) {
			refuseToken(w, r, "invalid_grant")
			return
		}
	case "refresh_token":
		if r.PostFormValue("refresh_token") != s.RefreshToken || s.RefreshToken == "" || r.PostFormValue("client_secret") == "" {
			refuseToken(w, r, "invalid_grant")
			return
		}
	default:
		refuseToken(w, r, "unsupported_grant_type")
		return
	}
	s.write(w, s.give(true))
}

// signed reports whether a statement is signed by the service account, for this server and this hour.
func (s *Server) signed(assertion string) bool {
	parts := strings.Split(assertion, ".")
	if len(parts) != 3 {
		return false
	}
	sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil || rsa.VerifyPKCS1v15(&s.key().PublicKey, crypto.SHA256, sum[:], signature) != nil {
		return false
	}
	var header struct{ Alg, Typ string }
	var claims struct {
		Iss, Scope, Aud string
		Iat, Exp        int64
	}
	text, err1 := base64.RawURLEncoding.DecodeString(parts[0])
	body, err2 := base64.RawURLEncoding.DecodeString(parts[1])
	if err1 != nil || err2 != nil || json.Unmarshal(text, &header) != nil || json.Unmarshal(body, &claims) != nil {
		return false
	}
	now := time.Now().Unix()
	return header.Alg == "RS256" && claims.Iss == "reader@project.iam.gserviceaccount.com" && claims.Aud == s.URL+"/token" &&
		claims.Scope == "https://www.googleapis.com/auth/devstorage.read_only" && claims.Iat <= now && claims.Exp > now && claims.Exp-claims.Iat <= 3600
}

func (s *Server) sts(w http.ResponseWriter, r *http.Request) {
	if r.PostFormValue("subject_token") != s.SubjectToken || s.SubjectToken == "" || r.PostFormValue("audience") != "//iam.googleapis.com/pool" ||
		r.PostFormValue("grant_type") != "urn:ietf:params:oauth:grant-type:token-exchange" {
		refuseToken(w, r, "invalid_grant")
		return
	}
	s.write(w, s.give(r.PostFormValue("scope") == "https://www.googleapis.com/auth/devstorage.read_only"))
}

func (s *Server) impersonate(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	_, known := s.tokens[strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")]
	s.mu.Unlock()
	if !known || r.Method != http.MethodPost {
		w.WriteHeader(http.StatusForbidden)
		return
	}
	_ = json.NewEncoder(w).Encode(map[string]string{
		"accessToken": s.give(true), "expireTime": time.Now().Add(s.Lifetime).UTC().Format(time.RFC3339),
	})
}

func (s *Server) metadata(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Metadata-Flavor") != "Google" {
		w.WriteHeader(http.StatusForbidden)
		return
	}
	w.Header().Set("Metadata-Flavor", "Google")
	s.write(w, s.give(true))
}
