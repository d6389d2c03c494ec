package main

import (
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/inith/inith/cmd/inith/internal/environment"
	"github.com/inith/inith/fetch"
	"github.com/inith/inith/internal/redact"
)

// hub returns where hf URLs are, by the variables of Hugging Face's own programs
// (https://huggingface.co/docs/huggingface_hub/package_reference/environment_variables).
func hub(env environment.Variables) (fetch.Hub, error) {
	var h fetch.Hub
	h.Token, _ = env.Lookup("HF_TOKEN")
	h.Token = strings.TrimSpace(h.Token)
	h.TokenFile, _ = env.Lookup("HF_TOKEN_PATH")
	if raw, ok := env.Lookup("HF_ENDPOINT"); ok {
		var err error
		if h.Endpoint, err = redact.ParseURL(raw); err != nil {
			return h, fmt.Errorf("$HF_ENDPOINT: %w", err)
		}
	}
	return h, nil
}

// oci returns how registries are reached: with the credentials of a file that an option names, or KServe, or else of Docker's
// own programs (https://docs.docker.com/reference/cli/docker/#environment-variables), whose file need not exist.
func oci(env environment.Variables, configFile string) fetch.OCI {
	o := fetch.OCI{ConfigFile: configFile, PlainHTTP: kservePlainHTTP(env)}
	if o.ConfigFile != "" {
		return o
	}
	if o.ConfigFile, o.ConfigOptional = kserveRegistryConfig(env), true; o.ConfigFile != "" {
		return o
	}
	const name = "config.json"
	if dir, ok := env.Lookup("DOCKER_CONFIG"); ok {
		o.ConfigFile = filepath.Join(dir, name)
	} else if home, ok := env.Lookup("HOME"); ok {
		o.ConfigFile = filepath.Join(home, ".docker", name)
	}
	return o
}

// firstOf returns the first of some variables that is set, without white space around it; "" if none is.
func firstOf(env environment.Variables, names string) string {
	for name := range strings.FieldsSeq(names) {
		if value, ok := env.Lookup(name); ok {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// gcs returns where gs URLs are, and where credentials are looked for, by the variables of Google's own programs
// (https://cloud.google.com/docs/authentication/application-default-credentials).
func gcs(env environment.Variables) (fetch.GCS, error) {
	get := func(names string) string { return firstOf(env, names) }
	g := fetch.GCS{Login: fetch.Google{
		CredentialsFile: get("GOOGLE_APPLICATION_CREDENTIALS"), ConfigDir: get("CLOUDSDK_CONFIG"), Home: get("HOME"), MetadataHost: get("GCE_METADATA_HOST"),
	}}
	g.Login.NoMetadata, _ = strconv.ParseBool(get("NO_GCE_CHECK"))
	for _, name := range []string{"STORAGE_EMULATOR_HOST", "CLOUDSDK_API_ENDPOINT_OVERRIDES_STORAGE"} {
		raw := get(name)
		if raw == "" {
			continue
		}
		if !strings.Contains(raw, "://") { // the emulator's, as in Google's own programs
			raw = "http://" + raw
		}
		var err error
		if g.Endpoint, err = redact.ParseURL(raw); err != nil {
			return g, fmt.Errorf("$%s: %w", name, err)
		}
		g.Emulator = name == "STORAGE_EMULATOR_HOST"
		break
	}
	return g, nil
}

// azure returns where az URLs are, and where credentials are looked for, by the variables of Azure's own programs, and those of
// KServe that differ (https://learn.microsoft.com/en-us/azure/storage/blobs/authorize-data-operations-cli).
func azure(env environment.Variables) (fetch.Azure, error) {
	get := func(names string) string { return firstOf(env, names) }
	a := fetch.Azure{
		Account: get("AZURE_STORAGE_ACCOUNT"), Key: get("AZURE_STORAGE_KEY AZURE_STORAGE_ACCESS_KEY"),
		SAS: strings.TrimPrefix(get("AZURE_STORAGE_SAS_TOKEN"), "?"),
		Login: fetch.Entra{
			TenantID: get("AZURE_TENANT_ID AZ_TENANT_ID"), ClientID: get("AZURE_CLIENT_ID AZ_CLIENT_ID"),
			ClientSecret: get("AZURE_CLIENT_SECRET AZ_CLIENT_SECRET"), FederatedTokenFile: get("AZURE_FEDERATED_TOKEN_FILE"),
			AuthorityHost: get("AZURE_AUTHORITY_HOST"), MetadataEndpoint: get("AZURE_POD_IDENTITY_AUTHORITY_HOST"),
		},
	}
	name, endpoint := "AZURE_STORAGE_SERVICE_ENDPOINT", get("AZURE_STORAGE_SERVICE_ENDPOINT")
	if raw := get("AZURE_STORAGE_CONNECTION_STRING"); raw != "" {
		c := connectionString(raw)
		a.Account, a.Key, a.SAS = c["AccountName"], c["AccountKey"], strings.TrimPrefix(c["SharedAccessSignature"], "?")
		name, endpoint = "AZURE_STORAGE_CONNECTION_STRING", strings.TrimSuffix(c["BlobEndpoint"], "/"+a.Account)
		if suffix := c["EndpointSuffix"]; endpoint == "" && suffix != "" {
			endpoint = "https://blob." + suffix
		}
	}
	if endpoint == "" {
		return a, nil
	}
	var err error
	if a.Endpoint, err = redact.ParseURL(endpoint); err != nil {
		err = fmt.Errorf("$%s: %w", name, err)
	}
	return a, err
}

// connectionString reads the pairs of a connection string
// (https://learn.microsoft.com/en-us/azure/storage/common/storage-configure-connection-string).
func connectionString(raw string) map[string]string {
	pairs := map[string]string{}
	for pair := range strings.SplitSeq(raw, ";") {
		key, value, _ := strings.Cut(pair, "=")
		pairs[strings.TrimSpace(key)] = strings.TrimSpace(value)
	}
	return pairs
}

// s3 returns where s3 URLs are, and where credentials are looked for, by the variables of Amazon's own programs
// (https://docs.aws.amazon.com/sdkref/latest/guide/settings-reference.html).
func s3(env environment.Variables) (fetch.S3, error) {
	env, err := kserveVariables(env)
	if err != nil {
		return fetch.S3{}, err
	}
	get := func(names string) string { return firstOf(env, names) }
	s := fetch.S3{
		Region: get("AWS_REGION AWS_DEFAULT_REGION"),
		Login: fetch.AWS{
			KeyID: get("AWS_ACCESS_KEY_ID"), Secret: get("AWS_SECRET_ACCESS_KEY"), Token: get("AWS_SESSION_TOKEN"),
			WebIdentityTokenFile: get("AWS_WEB_IDENTITY_TOKEN_FILE"), RoleARN: get("AWS_ROLE_ARN"), RoleSessionName: get("AWS_ROLE_SESSION_NAME"),
			STSEndpoint: get("AWS_ENDPOINT_URL_STS"),
			Profile:     get("AWS_PROFILE"), CredentialsFile: get("AWS_SHARED_CREDENTIALS_FILE"), ConfigFile: get("AWS_CONFIG_FILE"), Home: get("HOME"),
			ContainerURI: get("AWS_CONTAINER_CREDENTIALS_FULL_URI"), ContainerPath: get("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"),
			ContainerToken: get("AWS_CONTAINER_AUTHORIZATION_TOKEN"), ContainerTokenFile: get("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"),
			MetadataEndpoint: get("AWS_EC2_METADATA_SERVICE_ENDPOINT"),
		},
	}
	s.Login.NoMetadata, _ = strconv.ParseBool(get("AWS_EC2_METADATA_DISABLED"))
	for _, name := range []string{"AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"} {
		if raw := get(name); raw != "" {
			if s.Endpoint, err = redact.ParseURL(raw); err != nil {
				return s, fmt.Errorf("$%s: %w", name, err)
			}
			break
		}
	}
	kserveS3(env, &s)
	return s, nil
}
