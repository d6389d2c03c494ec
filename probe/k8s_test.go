package probe_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/inith/inith/internal/testing/apiserver"
	"github.com/inith/inith/probe"
)

// A cluster is a fake API server, and what a Pod in its namespace app has.
type cluster struct {
	*apiserver.Server

	token string // the path of its file
	env   []string
}

func newCluster(t *testing.T, s *apiserver.Server) *cluster {
	t.Helper()
	if s.Token == "" {
		s.Token = secret
	}
	files, env, stop := s.Start()
	t.Cleanup(stop)
	dir := t.TempDir()
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return &cluster{Server: s, token: filepath.Join(dir, "token"), env: env}
}

// put stores an object that is written as JSON.
func (c *cluster) put(t *testing.T, key, object string) {
	t.Helper()
	var o apiserver.Object
	if err := json.Unmarshal([]byte(object), &o); err != nil {
		t.Fatalf("%s: %v", object, err)
	}
	c.Put(key, o)
}

func (c *cluster) open(t *testing.T, raw string) *probe.Target {
	t.Helper()
	separator := "#"
	if strings.Contains(raw, "#") {
		separator = "&"
	}
	return open(t, raw+separator+"token-file="+escape(c.token), probe.Options{Env: c.env})
}

const jobKey = "batch/v1/jobs/app/migrate"

// Conditions of Jobs, as kube-apiserver 1.34 has them.
const (
	jobRunning  = `{"spec":{"completions":1,"selector":{"matchLabels":{"batch.kubernetes.io/controller-uid":"u1"}}},"status":{"active":1,"failed":2}}`
	jobMet      = `{"status":{"succeeded":1,"conditions":[{"type":"SuccessCriteriaMet","status":"True","reason":"CompletionsReached"}]}}`
	jobComplete = `{"status":{"succeeded":1,"conditions":[{"type":"SuccessCriteriaMet","status":"True"},{"type":"Complete","status":"True","reason":"CompletionsReached"}]}}`
	jobTarget   = `{"status":{"failed":7,"conditions":[{"type":"FailureTarget","status":"True","reason":"BackoffLimitExceeded","message":"` + secret + `"}]}}`
	jobFailed   = `{"status":{"failed":1,"conditions":[{"type":"Failed","status":"True","reason":"DeadlineExceeded","message":"` + secret + `"}]}}`
)

// TestKubernetesVerdicts has one attempt for each state of an object.
func TestKubernetesVerdicts(t *testing.T) {
	t.Parallel()
	const pod, deployment, stateful, daemon = "/v1/pods/app/p", "apps/v1/deployments/app/d", "apps/v1/statefulsets/app/s", "apps/v1/daemonsets/app/n"
	for _, tt := range []struct {
		target, key, object string
		want                verdict
		text                string
	}{
		{"job/migrate", "", "", notYet, "the job does not exist (yet)"},
		{"job/migrate", jobKey, `{}`, notYet, "0 of 1 completions"},
		{"job/migrate", jobKey, jobRunning, notYet, "the job has not completed: 0 of 1 completions, 1 active, 2 failed"},
		{"job/migrate", jobKey, `{"spec":{"suspend":true}}`, notYet, "the job is suspended"},
		{"job/migrate", jobKey, `{"metadata":{"deletionTimestamp":"now","finalizers":["foregroundDeletion"]},"spec":{"suspend":true}}`, notYet, "the job is being deleted"},
		{"job/migrate", jobKey, jobMet, notYet, "1 of 1 completions"},
		{"job/migrate", jobKey, jobComplete, ready, ""},
		{"jobs/migrate", jobKey, jobTarget, permanent, "the job has failed (BackoffLimitExceeded)"},
		{"k8s://app/job/migrate", jobKey, jobFailed, permanent, "the job has failed (DeadlineExceeded)"},
		{"k8s:///batch/v1/jobs/migrate#condition=Complete", jobKey, jobComplete, ready, ""},
		{"job/migrate", jobKey, `{"status":{"conditions":"` + secret + `"}}`, notYet, "not an object of this kind"},

		{"pod/p", pod, `{"status":{"phase":"Running","conditions":[{"type":"Ready","status":"True"}]}}`, ready, ""},
		{"pod/p", pod, `{"metadata":{"deletionTimestamp":"now"},"status":{"phase":"Running","conditions":[{"type":"Ready","status":"True"}]}}`, notYet, "terminating"},
		{"pod/p", pod, `{"status":{"phase":"Succeeded"}}`, ready, ""},
		{"pod/p", pod, `{"status":{"phase":"Failed","reason":"Evicted","message":"` + secret + `"}}`, permanent, "the pod has failed (Evicted)"},
		{"pod/p", pod, `{"status":{"phase":"Pending","initContainerStatuses":[{"name":"init","state":{"waiting":{"reason":"ImagePullBackOff","message":"` + secret + `"}}}]}}`, notYet, "container init is in ImagePullBackOff"},
		{"pod/p", pod, `{"status":{"phase":"Pending","containerStatuses":[{"name":"c","state":{"waiting":{"reason":"ContainerCreating"}}}],"conditions":[{"type":"PodScheduled","status":"False","reason":"Unschedulable"}]}}`, notYet, "Unschedulable"},
		{"pod/p", pod, `{"status":{"containerStatuses":[{"name":"c","state":{"waiting":{"reason":"CrashLoopBackOff"}},"lastState":{"terminated":{"exitCode":3,"message":"` + secret + `"}}}]}}`, notYet, "container c is in CrashLoopBackOff with exit code 3"},
		{"pod/p", pod, `{"status":{"containerStatuses":[{"name":"` + secret + ` c","state":{"waiting":{"reason":"` + secret + ` s"}}}]}}`, notYet, "container … is in …"},

		{"deployment/d", deployment, `{"metadata":{"generation":2},"status":{"observedGeneration":1,"replicas":1,"updatedReplicas":1,"availableReplicas":1}}`, notYet, "has not seen the last change"},
		{"deploy/d", deployment, `{"spec":{"replicas":2},"status":{"replicas":2,"updatedReplicas":1,"availableReplicas":2}}`, notYet, "1 of 2 replicas are up to date"},
		{"deploy/d", deployment, `{"spec":{"replicas":2},"status":{"replicas":3,"updatedReplicas":2,"availableReplicas":3}}`, notYet, "1 replicas of an earlier version"},
		{"deploy/d", deployment, `{"spec":{"replicas":2},"status":{"replicas":2,"updatedReplicas":2,"availableReplicas":1}}`, notYet, "1 of 2 replicas are available"},
		{"deploy/d", deployment, `{"status":{"conditions":[{"type":"Progressing","status":"False","reason":"ProgressDeadlineExceeded"}]}}`, notYet, "does not progress (ProgressDeadlineExceeded)"},
		{"deploy/d", deployment, `{"metadata":{"generation":2},"spec":{"replicas":2},"status":{"observedGeneration":2,"replicas":2,"updatedReplicas":2,"availableReplicas":2}}`, ready, ""},
		{"sts/s", stateful, `{"spec":{"replicas":2},"status":{"readyReplicas":1,"currentRevision":"a","updateRevision":"a"}}`, notYet, "1 of 2 replicas are ready"},
		{"sts/s", stateful, `{"spec":{"replicas":2},"status":{"readyReplicas":2,"updatedReplicas":1,"currentRevision":"a","updateRevision":"b"}}`, notYet, "1 of 2 replicas are up to date"},
		{"sts/s", stateful, `{"spec":{"replicas":2,"updateStrategy":{"type":"OnDelete"}},"status":{"readyReplicas":2,"currentRevision":"a","updateRevision":"b"}}`, ready, ""},
		{"sts/s", stateful, `{"spec":{"replicas":2,"updateStrategy":{"rollingUpdate":{"partition":1}}},"status":{"readyReplicas":2,"updatedReplicas":1,"currentRevision":"a","updateRevision":"b"}}`, ready, ""},
		{"sts/s", stateful, `{"status":{"readyReplicas":1,"currentRevision":"a","updateRevision":"a"}}`, ready, ""},
		{"ds/n", daemon, `{"status":{"desiredNumberScheduled":3,"numberReady":2,"updatedNumberScheduled":3}}`, notYet, "2 of 3 replicas are ready"},
		{"ds/n", daemon, `{"status":{"desiredNumberScheduled":3,"numberReady":3,"updatedNumberScheduled":2}}`, notYet, "2 of 3 replicas are up to date"},
		{"ds/n", daemon, `{"status":{"desiredNumberScheduled":3,"numberReady":3,"updatedNumberScheduled":3}}`, ready, ""},

		{"pvc/c", "/v1/persistentvolumeclaims/app/c", `{"status":{"phase":"Pending"}}`, notYet, "the pvc is not bound (Pending)"},
		{"pvc/c", "/v1/persistentvolumeclaims/app/c", `{"status":{"phase":"Bound"}}`, ready, ""},
		{"configmap/c", "/v1/configmaps/app/c", `{}`, ready, ""},
		{"cm/c#key=a.b", "/v1/configmaps/app/c", `{"data":{"a":"x"}}`, notYet, "it does not have the key"},
		{"cm/c#key=a.b", "/v1/configmaps/app/c", `{"data":{"a.b":""}}`, notYet, "the key is empty"},
		{"cm/c#key=a.b", "/v1/configmaps/app/c", `{"binaryData":{"a.b":"eA=="}}`, ready, ""},
		{"secret/s#key=k", "/v1/secrets/app/s", `{"data":{"k":"` + secret + `"}}`, ready, ""},
		{"crd/x.example.com", "apiextensions.k8s.io/v1/customresourcedefinitions//x.example.com", `{"status":{"conditions":[{"type":"Established","status":"False","reason":"Installing"}]}}`, notYet, "the condition Established is False (Installing)"},
		{"crd/x.example.com", "apiextensions.k8s.io/v1/customresourcedefinitions//x.example.com", `{"status":{"conditions":[{"type":"Established","status":"True"}]}}`, ready, ""},

		{"k8s:///cert-manager.io/v1/certificates/c#condition=Ready", "cert-manager.io/v1/certificates/app/c", `{}`, notYet, "it does not have the condition"},
		{"k8s:///cert-manager.io/v1/certificates/c#condition=ready", "cert-manager.io/v1/certificates/app/c", `{"status":{"conditions":[{"type":"Ready","status":"True"}]}}`, ready, ""},
		{"k8s:///cert-manager.io/v1/certificates/c#condition=Ready=False", "cert-manager.io/v1/certificates/app/c", `{"status":{"conditions":[{"type":"Ready","status":"False"}]}}`, ready, ""},
		{"k8s:///cert-manager.io/v1/certificates/c#condition=Ready", "cert-manager.io/v1/certificates/app/c", `{"metadata":{"generation":3},"status":{"conditions":[{"type":"Ready","status":"True","observedGeneration":2}]}}`, notYet, "has not seen the last change"},
		{"k8s:///cert-manager.io/v1/clusterissuers/c#scope=cluster", "cert-manager.io/v1/clusterissuers//c", `{}`, ready, ""},
		{"k8s:///cert-manager.io/v1/certificates/c#scope=cluster", "cert-manager.io/v1/certificates/other/c", `{}`, permanent, "the object belongs to a namespace"},
		{"pod?selector=app%20in%20(a", "", "", permanent, "the API server does not accept the selector (status 400)"},
		{"k8s:///core/v1/services/s#jsonpath={.status.loadBalancer.ingress[0].ip}", "/v1/services/app/s", `{"status":{"loadBalancer":{}}}`, notYet, "does not meet the condition of jsonpath"},
		{"k8s:///core/v1/services/s#jsonpath={.status.loadBalancer.ingress[0].ip}", "/v1/services/app/s", `{"status":{"loadBalancer":{"ingress":[{"ip":"192.0.2.1"}]}}}`, ready, ""},
		{"pvc/c#jsonpath={.status.phase}=Bound", "/v1/persistentvolumeclaims/app/c", `{"status":{"phase":"Bound"}}`, ready, ""},
		{"pvc/c#jsonpath=.status.phase!=Bound", "/v1/persistentvolumeclaims/app/c", `{"status":{"phase":"Bound"}}`, notYet, "does not meet"},
	} {
		c := newCluster(t, &apiserver.Server{})
		if tt.key != "" {
			c.put(t, tt.key, tt.object)
		}
		t.Log(tt.target, tt.object)
		checkVerdict(t, c.open(t, tt.target).Probe(t.Context()), tt.want, tt.text)
	}
}

// TestKubernetesService counts endpoints over all EndpointSlices of a Service.
func TestKubernetesService(t *testing.T) {
	t.Parallel()
	c := newCluster(t, &apiserver.Server{})
	slice := func(name, service, endpoints string) {
		c.put(t, "discovery.k8s.io/v1/endpointslices/app/"+name,
			`{"metadata":{"labels":{"kubernetes.io/service-name":"`+service+`"}},"endpoints":`+endpoints+`}`)
	}
	checkVerdict(t, c.open(t, "service/web").Probe(t.Context()), notYet, "the service has no EndpointSlice (yet)")
	slice("other", "other", `[{"conditions":{"ready":true}}]`)
	slice("web-1", "web", `[{"conditions":{"ready":false}},{"conditions":{"ready":true,"terminating":true}}]`)
	checkVerdict(t, c.open(t, "svc/web").Probe(t.Context()), notYet, "0 of at least 1 endpoints are ready")
	slice("web-2", "web", `[{"conditions":{"ready":null}}]`)
	checkVerdict(t, c.open(t, "svc/web").Probe(t.Context()), ready, "")
	checkVerdict(t, c.open(t, "svc/web#ready=2").Probe(t.Context()), notYet, "1 of at least 2 endpoints are ready")
	slice("web-2", "web", `[{"conditions":{}},{"conditions":{"ready":true}}]`)
	checkVerdict(t, c.open(t, "svc/web#ready=2").Probe(t.Context()), ready, "")
	slice("web-3", "web", `null`)
	checkVerdict(t, c.open(t, "k8s://app/service/web#ready=2").Probe(t.Context()), ready, "")
}

// TestKubernetesSelection counts the Pods that labels select.
func TestKubernetesSelection(t *testing.T) {
	t.Parallel()
	c := newCluster(t, &apiserver.Server{})
	pod := func(name, metadata, status string) {
		c.put(t, "/v1/pods/app/"+name, `{"metadata":{"labels":{"app":"x"}`+metadata+`},"status":`+status+`}`)
	}
	const isReady = `{"phase":"Running","conditions":[{"type":"Ready","status":"True"}]}`
	all, two := "pod?selector=app=x", "pod?selector=app=x#ready=2"
	checkVerdict(t, c.open(t, all).Probe(t.Context()), notYet, "no pod that could become ready has these labels (yet)")
	pod("failed", "", `{"phase":"Failed"}`)
	pod("leaves", `,"deletionTimestamp":"now"`, isReady)
	checkVerdict(t, c.open(t, all).Probe(t.Context()), notYet, "no pod that could become ready")
	pod("a", "", isReady)
	checkVerdict(t, c.open(t, all).Probe(t.Context()), ready, "")
	checkVerdict(t, c.open(t, two).Probe(t.Context()), notYet, "1 of 2 selected pods are ready")
	pod("b", "", `{"containerStatuses":[{"name":"c","state":{"waiting":{"reason":"ErrImagePull"}}}]}`)
	checkVerdict(t, c.open(t, all).Probe(t.Context()), notYet, "1 of 2 selected pods are ready: the pod is not ready: container c is in ErrImagePull")
	pod("d", "", isReady)
	checkVerdict(t, c.open(t, two).Probe(t.Context()), ready, "")
	checkVerdict(t, c.open(t, all).Probe(t.Context()), notYet, "2 of 3 selected pods are ready")
}

// TestKubernetesRefused says what Role is missing. An account that may only get the object does without a list.
func TestKubernetesRefused(t *testing.T) {
	t.Parallel()
	denied := map[string]bool{"list": true, "get": true}
	c := newCluster(t, &apiserver.Server{Deny: func(r apiserver.Request) bool { return denied[r.Verb] }})
	c.put(t, jobKey, jobComplete)
	err := c.open(t, "job/migrate").Probe(t.Context())
	checkVerdict(t, err, rejected, "the Pod's service account may not list jobs (status 403)")
	want := `bind a Role to it in the namespace app with {apiGroups: ["batch"], resources: [jobs], resourceNames: [migrate], verbs: [get, list, watch]}; ` +
		`this prints it: inith rbac k8s:///job/migrate`
	if hint := probe.Hint(err); hint != want {
		t.Errorf("hint %q, want %q", hint, want)
	}
	err = c.open(t, "pod?selector=app=x").Probe(t.Context())
	if hint := probe.Hint(err); !strings.Contains(hint, `resources: [pods], verbs: [list, watch]}; this prints it: inith rbac 'k8s:///pod?selector=app=x'`) {
		t.Errorf("hint %q", hint)
	}
	delete(denied, "get")
	checkVerdict(t, c.open(t, "job/migrate").Probe(t.Context()), ready, "")
	c.Delete(jobKey)
	checkVerdict(t, c.open(t, "job/migrate").Probe(t.Context()), notYet, "does not exist (yet)")

	c.Rotate("another")
	checkVerdict(t, c.open(t, "job/migrate").Probe(t.Context()), rejected, "the API server does not accept the token (status 401)")
	checkVerdict(t, open(t, "job/migrate", probe.Options{}).Probe(t.Context()), permanent, "there is no kubeconfig file")
	config := filepath.Join(t.TempDir(), "config")
	if err := os.WriteFile(config, []byte("current-context: x"), 0o600); err != nil {
		t.Fatal(err)
	}
	err = open(t, "job/migrate", probe.Options{Env: []string{"KUBECONFIG=" + config}}).Probe(t.Context())
	checkVerdict(t, err, permanent, "has no current context")
}

// TestKubernetesTargets refuses what is no object.
func TestKubernetesTargets(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{
		"job/":                              "want k8s://NAMESPACE/KIND/NAME",
		"job/A":                             "want k8s://NAMESPACE/KIND/NAME",
		"job/a/b":                           "want k8s://NAMESPACE/KIND/NAME",
		"k8s://a.b/job/c":                   "want k8s://NAMESPACE/KIND/NAME",
		"k8s:///jbo/a":                      `unknown kind of object "jbo" (did you mean "job"?)`,
		"k8s:///migrate":                    "unknown kind of object",
		"k8s:///Apps/v1/x/a":                "want k8s://NAMESPACE/KIND/NAME",
		"k8s:///apps/one/x/a":               "want k8s://NAMESPACE/KIND/NAME",
		"k8s://ns/crd/a.b":                  "a crd belongs to no namespace",
		"k8s://ns/a.b/v1/c/d#scope=cluster": "an object of c belongs to no namespace",
		"pod?selector=":                     "not a label selector",
		"pod?selector=a%22b":                "not a label selector",
		"pod/p?selector=a=b":                "want k8s://NAMESPACE/KIND/NAME",
		"job?selector=a=b":                  "only Pods can be selected",
		"pod?label=a":                       `unknown query key "label"`,
		"pod/p#ready=2":                     "ready does not apply to a pod",
		"job/j#key=a":                       "key does not apply to a job",
		"cm/c#gone=ready":                   "gone does not apply to a configmap",
		"job/j#gone=maybe":                  "not fail or ready",
		"job/j#scope=cluster":               "scope does not apply to a job",
		"job/j#condition=a&jsonpath=.":      `fragment key "jsonpath"`,
		"svc/s#condition=a":                 "condition and jsonpath do not apply",
		"job/j#level=proto":                 "k8s has no level proto",
		"job/j#ca-file=x":                   `unknown fragment key "ca-file"`,
	} {
		_, err := probe.Open(raw, probe.Options{})
		t.Log(raw)
		checkVerdict(t, err, notYet, want)
	}
	for raw, want := range map[string]string{
		"job/migrate":                       "k8s:///job/migrate",
		"pod?selector=app=x,t%20in%20(a,b)": "k8s:///pod?selector=app=x,t%20in%20(a,b)",
		"k8s://ns/svc/web#ready=2":          "k8s://ns/svc/web",
	} {
		if got := open(t, raw, probe.Options{}).Name; got != want {
			t.Errorf("%s is shown as %s, want %s", raw, got, want)
		}
	}
}
