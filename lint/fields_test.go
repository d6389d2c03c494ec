package lint_test

import (
	"strings"
	"testing"

	"github.com/inith/inith/lint"
)

// TestUnknownField has U1 name the field, suggest what was meant, and show no value.
func TestUnknownField(t *testing.T) {
	t.Parallel()
	for spec, want := range map[string][2]string{
		"{containers: [{name: a, volumeMount: s3cr3t}]}":                          {"spec.containers[0].volumeMount", "did you mean volumeMounts?"},
		"{containers: [{name: a, Image: s3cr3t}]}":                                {"spec.containers[0].Image", "did you mean image?"},
		"{containers: [{name: a, securityContext: {fsGroup: 1}}]}":                {"spec.containers[0].securityContext.fsGroup", "kubectl explain pod.spec.containers.securityContext"},
		"{containers: [{name: a, env: [{name: b, volumes: s3cr3t}]}]}":            {"spec.containers[0].env[0].volumes", "it is a field of PodSpec"},
		"{containers: [{name: a, privileged: true}]}":                             {"spec.containers[0].privileged", "it is a field of securityContext"},
		"{containers: [{name: a, env: [{name: b, value: 123}]}]}":                 {"spec.containers[0].env[0].value must be a string", "quote it"},
		"{containers: [{name: a, env: {b: s3cr3t}}]}":                             {"spec.containers[0].env must be a list", "each item begins with -"},
		`{containers: [{name: a, stdin: "true"}]}`:                                {"spec.containers[0].stdin must be true or false", "remove the quotes"},
		"{containers: [{name: a, resources: {limits: {memory: 1 s3cr3t}}}]}":      {"limits.memory must be a quantity", ""},
		"{containers: [{name: a, ports: [{containerPort: \"80\"}]}]}":             {"ports[0].containerPort must be a number", "remove the quotes"},
		"{nodeSelector: s3cr3t, containers: [{name: a}]}":                         {"spec.nodeSelector must be a mapping", "check the indentation"},
		"{containers: [{name: a, livenessProbe: {tcpSocket: {port: [s3cr3t]}}}]}": {"port must be a number or a name", ""},
	} {
		r := check(t, lint.Linter{Only: []string{"U1"}}, "apiVersion: v1\nkind: Pod\nspec: "+spec)
		if len(r.Findings) != 1 || !strings.Contains(r.Findings[0].Message, want[0]) || !strings.Contains(r.Findings[0].Fix, want[1]) ||
			strings.Contains(r.Findings[0].Message+r.Findings[0].Fix, "s3cr3t") || r.Findings[0].Line != 3 {
			t.Errorf("%s: %+v, want %s", spec, r.Findings, want)
		}
	}
}

// TestUnknownFieldOfSecret has U1 show neither a value of a Secret nor a key that may be one.
func TestUnknownFieldOfSecret(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"data: {a: s3cr3t!}\n":          "data.a must be in base64",
		"data: {s3cr3t: s3cr3t!}\n":     "data.… must be in base64",
		"stringData: {s3cr3t: 12345}\n": "stringData.… must be a string",
		"stringdata: {s3cr3t: x}\n":     "Kubernetes knows no field stringdata",
		"s3cr3t: x\n":                   "Kubernetes knows no field …",
	} {
		r := check(t, lint.Linter{}, "apiVersion: v1\nkind: Secret\n"+text)
		if len(r.Findings) != 1 || r.Findings[0].Message != want || strings.Contains(r.Findings[0].Fix, "s3cr3t") || r.Findings[0].Object != "Secret" || r.Pods != 0 {
			t.Errorf("%s: %+v, want %s", text, r, want)
		}
	}
}
