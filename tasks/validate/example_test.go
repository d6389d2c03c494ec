package validate_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/inith/inith/tasks/validate"
)

// All problems of all files and variables are found in one run; none shows a value.
func Example() {
	dir, err := os.MkdirTemp("", "validate")
	if err != nil {
		panic(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	file := filepath.Join(dir, "app.yaml")
	err = os.WriteFile(file, []byte("server:\n  prot: 8080\n  password: hunter2\n"), 0o600)
	if err != nil {
		panic(err)
	}
	port, err := validate.ParsePath("server.port")
	if err != nil {
		panic(err)
	}
	v := validate.Validator{
		Rules: validate.Rules{
			Files: []validate.FileRule{{Path: file, Checks: []validate.Check{validate.Require{Keys: []validate.Path{port}}}}},
			Env:   []validate.EnvRule{{Name: "DATABASE_URL", URL: []string{"postgres"}, HostNot: []string{validate.Localhost}}},
		},
		Lookup: func(name string) (string, bool) {
			return map[string]string{"DATABASE_URL": "postgres://app:s3cr3t@localhost/app"}[name], name == "DATABASE_URL"
		},
	}
	report, err := v.Run(context.Background())
	if err != nil {
		panic(err)
	}
	for _, f := range report.Findings {
		fmt.Printf("%s:%d:%d: %s: %s\n", filepath.Base(f.Path), f.Line, f.Column, f.Rule, f.Message)
	}
	// Output:
	// $DATABASE_URL:0:0: host: the host is this machine itself
	// app.yaml:2:3: required-key: server.port is missing (did you mean "prot"?)
}
