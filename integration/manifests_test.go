package integration_test

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer/json"
	"k8s.io/apimachinery/pkg/util/yaml"
	psa "k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
)

const kubernetesDir = "../examples/kubernetes"

// TestExampleManifests holds every manifest to what the API server accepts in a
// namespace with Pod Security at restricted.
func TestExampleManifests(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join(kubernetesDir, "*.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no manifests: %v", err)
	}
	for _, name := range files {
		t.Run(filepath.Base(name), func(t *testing.T) {
			t.Parallel()
			pods := 0
			for _, o := range manifest(t, name) {
				pod, ok := podOf(o)
				if !ok {
					continue
				}
				pods++
				if reasons := forbidden(t, pod); reasons != "" {
					t.Errorf("level restricted forbids it: %s", reasons)
				}
				for _, c := range pod.Spec.InitContainers {
					if c.Resources.Limits.Memory().IsZero() || c.Resources.Requests.Cpu().IsZero() {
						t.Errorf("init container %s lacks a memory limit or a CPU request", c.Name)
					}
					if c.TerminationMessagePolicy != corev1.TerminationMessageFallbackToLogsOnError {
						t.Errorf("init container %s: terminationMessagePolicy is %q", c.Name, c.TerminationMessagePolicy)
					}
				}
			}
			if pods == 0 {
				t.Error("no pod in it")
			}
		})
	}
}

// TestExamplesShareNoName: all manifests can be applied to one namespace.
func TestExamplesShareNoName(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join(kubernetesDir, "*.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no manifests: %v", err)
	}
	first := map[string]string{}
	for _, name := range files {
		for _, o := range manifest(t, name) {
			object, err := meta.Accessor(o)
			if err != nil {
				t.Fatal(err)
			}
			key := o.GetObjectKind().GroupVersionKind().Kind + " " + object.GetName()
			if other := first[key]; other != "" {
				t.Errorf("%s is in %s and in %s", key, other, name)
			}
			first[key] = name
		}
	}
}

// TestManifestChecks shows that the checks above see what they are there for.
func TestManifestChecks(t *testing.T) {
	t.Parallel()
	good, err := os.ReadFile(filepath.Join(kubernetesDir, "wait.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for name, edit := range map[string][2]string{
		"unknown field": {"automountServiceAccountToken:", "automountServiceAccountTokens:"},
		"letter case":   {"automountServiceAccountToken:", "automountserviceaccounttoken:"},
		"unknown kind":  {"kind: Pod", "kind: Pods"},
		"twice":         {"  runAsNonRoot: true", "  runAsNonRoot: true\n    runAsNonRoot: true"},
		"type":          {"runAsNonRoot: true", `runAsNonRoot: "true"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := decode(edited(t, good, edit)); err == nil {
				t.Error("decoded without an error")
			}
		})
	}
	for name, edit := range map[string][2]string{
		"root":            {"runAsNonRoot: true", "runAsNonRoot: false"},
		"capabilities":    {`drop: ["ALL"]`, `drop: ["NET_RAW"]`},
		"privilege":       {"allowPrivilegeEscalation: false", "allowPrivilegeEscalation: true"},
		"seccomp profile": {"type: RuntimeDefault", "type: Unconfined"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			objects, err := decode(edited(t, good, edit))
			if err != nil {
				t.Fatal(err)
			}
			if pod, ok := podOf(objects[0]); !ok || forbidden(t, pod) == "" {
				t.Error("level restricted allows it")
			}
		})
	}
}

func edited(t *testing.T, good []byte, edit [2]string) []byte {
	t.Helper()
	if !bytes.Contains(good, []byte(edit[0])) {
		t.Fatalf("no %q in the manifest", edit[0])
	}
	return bytes.Replace(good, []byte(edit[0]), []byte(edit[1]), 1)
}

func manifest(t *testing.T, name string) []runtime.Object {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	objects, err := decode(b)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return objects
}

// decode reads all documents as the API server does with strict field validation: a
// field that is unknown, that comes twice or that is written in another letter case is an error.
func decode(manifest []byte) ([]runtime.Object, error) {
	scheme := runtime.NewScheme()
	err := errors.Join(corev1.AddToScheme(scheme), appsv1.AddToScheme(scheme), batchv1.AddToScheme(scheme), rbacv1.AddToScheme(scheme), networkingv1.AddToScheme(scheme))
	if err != nil {
		return nil, err
	}
	strict := json.NewSerializerWithOptions(json.DefaultMetaFactory, scheme, scheme, json.SerializerOptions{Yaml: true, Strict: true})
	var objects []runtime.Object
	documents := yaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(manifest)))
	for {
		document, err := documents.Read()
		if errors.Is(err, io.EOF) {
			return objects, nil
		}
		if err != nil {
			return nil, err
		}
		o, _, err := strict.Decode(document, nil, nil)
		if err != nil {
			return nil, err
		}
		objects = append(objects, o)
	}
}

// podOf returns the pod that an object is or makes.
func podOf(o runtime.Object) (*corev1.PodTemplateSpec, bool) {
	switch o := o.(type) {
	case *corev1.Pod:
		return &corev1.PodTemplateSpec{ObjectMeta: o.ObjectMeta, Spec: o.Spec}, true
	case *appsv1.Deployment:
		return &o.Spec.Template, true
	case *appsv1.StatefulSet:
		return &o.Spec.Template, true
	case *batchv1.Job:
		return &o.Spec.Template, true
	default:
		return nil, false
	}
}

// forbidden tells why the level restricted forbids a pod; "" if it does not.
func forbidden(t *testing.T, pod *corev1.PodTemplateSpec) string {
	t.Helper()
	evaluator, err := policy.NewEvaluator(policy.DefaultChecks(), nil)
	if err != nil {
		t.Fatal(err)
	}
	level := psa.LevelVersion{Level: psa.LevelRestricted, Version: psa.LatestVersion()}
	verdict := policy.AggregateCheckResults(evaluator.EvaluatePod(level, &pod.ObjectMeta, &pod.Spec))
	return verdict.ForbiddenDetail()
}
