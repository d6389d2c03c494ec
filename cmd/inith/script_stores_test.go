package main

import (
	"encoding/base64"
	"errors"
	"math/rand/v2"
	"net/url"
	"os"
	"path/filepath"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/inith/inith/internal/testing/blobserver"
	"github.com/inith/inith/internal/testing/gcsserver"
)

// objects are what the stores of scripts have.
func objects() map[string][]byte {
	b := make([]byte, 3<<20)
	_, _ = rand.NewChaCha8([32]byte{}).Read(b)
	return map[string][]byte{"model.bin": b, "onnx/config.json": []byte("{}"), "onnx/": nil, "onnx/data/empty": nil, "onnx-v2/other": []byte("x")}
}

// startGCS starts a server with the API of Google Cloud Storage, whose tokens hold the canary, and which gives them to those who
// send it as a refresh token, or as the token of a cluster.
func startGCS(e *testscript.Env) error {
	s := gcsserver.Start()
	s.RefreshToken, s.SubjectToken, s.TokenText, s.PageSize = canary, canary, canary, 1
	for name, b := range objects() {
		s.PutBytes(name, b)
	}
	e.Defer(s.Close)
	e.Setenv("GCS", s.URL)
	e.Setenv("GCS_HOST", s.Host())
	secrets := filepath.Join(e.WorkDir, ".secrets")
	source := map[string]any{"file": filepath.Join(secrets, "password")}
	var errs []error
	for name, b := range map[string][]byte{
		"google-user": s.UserFile(canary), "google-revoked": s.UserFile(canary + "x"), "google-external": s.ExternalFile(source, true),
		"google-plain": []byte(`{"type":"authorized_user","refresh_token":"` + canary + `","token_uri":"http://192.0.2.1/"}`),
	} {
		errs = append(errs, os.WriteFile(filepath.Join(secrets, name), b, 0o600))
	}
	return errors.Join(errs...)
}

// startAzure starts a server with the API of Azure Blob Storage, whose tokens hold the canary, and which gives them to those who send
// it as a secret, or as the token of a cluster. The key of its account is the canary, too.
func startAzure(e *testscript.Env) {
	s := blobserver.Start()
	s.Secret, s.Assertion, s.TokenText, s.PageSize = canary, canary, canary, 1
	s.Key = base64.StdEncoding.EncodeToString([]byte(canary))
	s.SAS = "sv=2021-12-02&sig=" + url.QueryEscape(canary)
	for name, b := range objects() {
		s.PutBytes(name, b)
	}
	e.Defer(s.Close)
	e.Setenv("AZURE", s.URL)
	e.Setenv("AZURE_KEY", s.Key)
	e.Setenv("AZURE_SAS", s.SAS)
}
