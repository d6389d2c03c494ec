package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/inith/inith/cmd/inith/internal/environment"
	"github.com/inith/inith/fetch"
	"github.com/inith/inith/internal/credentials"
)

// KServe sets variables of its own for the container that downloads a model, which inith can be
// (https://kserve.github.io/website/docs/model-serving/storage/overview). They are translated here into those of
// Amazon's programs and into options; the rest of inith knows none of them.
const (
	kserveConfig   = "STORAGE_CONFIG"
	kserveOverride = "STORAGE_OVERRIDE_CONFIG"
	kserveInclude  = "STORAGE_ALLOW_PATTERNS"
	kserveExclude  = "STORAGE_IGNORE_PATTERNS"
	kserveHeaders  = "-headers" // after the name of a host
	kserveCAFile   = "cabundle.crt"
	kserveRegistry = "KSERVE_OCI_DOCKER_CONFIG" // a config.json of Docker's
	kservePlain    = "KSERVE_OCI_INSECURE_REGISTRY"
)

// kserveVariables returns the environment with what KServe's storage configuration says of S3 in the variables that s3
// reads, which it overrides.
func kserveVariables(env environment.Variables) (environment.Variables, error) {
	config := map[string]any{}
	for _, name := range []string{kserveConfig, kserveOverride} {
		if raw, ok := env.Lookup(name); ok {
			if err := json.Unmarshal([]byte(raw), &config); err != nil { // whose error would quote the value
				return nil, fmt.Errorf("$%s: want a JSON object", name)
			}
		}
	}
	if config["type"] != "s3" {
		return env, nil
	}
	var found []string
	for _, v := range []struct{ key, variable string }{
		{"endpoint_url", "AWS_ENDPOINT_URL"},
		{"access_key_id", "AWS_ACCESS_KEY_ID"},
		{"secret_access_key", "AWS_SECRET_ACCESS_KEY"},
		{"region", "AWS_DEFAULT_REGION"},
		{"ca_bundle", "AWS_CA_BUNDLE"},
		{"verify_ssl", "S3_VERIFY_SSL"},
		{"anonymous", "awsAnonymousCredential"},
	} {
		switch value := config[v.key].(type) {
		case nil:
		case string:
			found = append(found, v.variable+"="+value)
		case bool:
			found = append(found, fmt.Sprintf("%s=%v", v.variable, value))
		default:
			return nil, fmt.Errorf("$%s or $%s: %s: want a string", kserveConfig, kserveOverride, v.key)
		}
	}
	return env.With(found), nil
}

// kserveS3 completes how S3 is reached by the variables that only KServe has.
func kserveS3(env environment.Variables, s *fetch.S3) {
	is := func(name string, values ...string) bool {
		value, _ := env.Lookup(name)
		return slices.Contains(values, strings.ToLower(strings.TrimSpace(value)))
	}
	s.Anonymous = s.Anonymous || is("awsAnonymousCredential", "true")
	s.VirtualHosts = is("S3_USER_VIRTUAL_BUCKET", "true")
	s.TLS.SkipVerify = is("S3_VERIFY_SSL", "0", "false")
	if file, ok := env.Lookup("AWS_CA_BUNDLE"); ok {
		s.TLS.CAFile = file
	} else if _, ok := env.Lookup("CA_BUNDLE_CONFIGMAP_NAME"); ok {
		mount, _ := env.Lookup("CA_BUNDLE_VOLUME_MOUNT_POINT")
		s.TLS.CAFile = filepath.Join(mount, kserveCAFile)
	}
	if s.Endpoint != nil && s.Endpoint.Scheme == "https" && s.Endpoint.Host == "s3.amazonaws.com" {
		s.Endpoint = nil // KServe's default: Amazon's, of the bucket's region
	}
}

// kserveRegistryConfig returns the file of credentials for registries that KServe mounts, "" if it names none.
func kserveRegistryConfig(env environment.Variables) string {
	file, _ := env.Lookup(kserveRegistry)
	return file
}

// kservePlainHTTP reports whether KServe says that registries have no TLS.
func kservePlainHTTP(env environment.Variables) bool {
	value, _ := env.Lookup(kservePlain)
	plain, err := strconv.ParseBool(strings.TrimSpace(value))
	return err == nil && plain
}

// kserveFile completes a file by the patterns of KServe, where there are none, and by the headers for its host.
func kserveFile(env environment.Variables, f *fetch.File) error {
	for _, p := range []struct {
		name  string
		given *[]string
	}{{kserveInclude, &f.Include}, {kserveExclude, &f.Exclude}} {
		if raw, ok := env.Lookup(p.name); ok && len(*p.given) == 0 {
			var err error
			if *p.given, err = kservePatterns(raw); err != nil {
				return fmt.Errorf("$%s: %w", p.name, err)
			}
			f.MayBeFile = true
		}
	}
	if f.URL == nil || !strings.HasPrefix(f.URL.Scheme, "http") {
		return nil
	}
	name := f.URL.Hostname() + kserveHeaders
	raw, ok := env.Lookup(name)
	if !ok {
		return nil
	}
	var headers map[string]string
	if json.Unmarshal([]byte(raw), &headers) != nil {
		return fmt.Errorf("$%s: want a JSON object of strings", name)
	}
	f.Headers = http.Header{}
	for header, value := range headers {
		if !credentials.IsHeaderName(header) || !credentials.IsHeaderValue(value) {
			return fmt.Errorf("$%s: a name or a value is none of a header", name)
		}
		f.Headers.Set(header, value)
	}
	return nil
}

// kservePatterns reads a JSON array, or a list with commas.
func kservePatterns(raw string) ([]string, error) {
	var patterns []string
	if strings.HasPrefix(strings.TrimSpace(raw), "[") {
		if json.Unmarshal([]byte(raw), &patterns) != nil {
			return nil, errors.New("want a JSON array of strings, or patterns separated by commas")
		}
	} else {
		patterns = strings.Split(raw, ",")
	}
	for i, p := range patterns {
		patterns[i] = strings.TrimSpace(p)
	}
	return slices.DeleteFunc(patterns, func(p string) bool { return p == "" }), nil
}
