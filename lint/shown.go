package lint

import (
	"strings"

	"github.com/inith/inith/internal/document"
	"github.com/inith/inith/internal/excerpt"
)

// Shown says what an excerpt of a manifest shows besides its keys: the values of fields that never hold a secret, in the
// form that those have, and the words that every script has. A line may hold a secret anywhere else: in the value of an
// environment variable, in an argument, in a URL, in an annotation, in the data of a ConfigMap.
type shown struct {
	around map[string]bool                // keys that lead to such a field
	fields map[string]func(s string) bool // and what its values look like
	words  map[string]bool
}

// newShown returns the table.
func newShown() shown {
	s := shown{setOf(structure), map[string]func(string) bool{"image": isImage}, setOf(shellWords)}
	for fields, fits := range map[string]func(s string) bool{
		"name namespace generateName claimName secretName serviceName serviceAccountName storageClassName containerName kind type imagePullPolicy " +
			"restartPolicy medium protocol scheme terminationMessagePolicy concurrencyPolicy": consistsOf(letters+digits+"._-", 63),
		"apiVersion mountPath subPath": consistsOf(letters+digits+"._/-", 100),
		"readOnly readOnlyRootFilesystem runAsNonRoot allowPrivilegeEscalation privileged optional hostNetwork stdin tty": consistsOf("truefals", 5),
		"cpu memory ephemeral-storage storage sizeLimit":                                                                  consistsOf(digits+".kKMGTPEim", 12),
		"replicas activeDeadlineSeconds terminationGracePeriodSeconds initialDelaySeconds periodSeconds timeoutSeconds failureThreshold " +
			"successThreshold seconds runAsUser runAsGroup fsGroup containerPort hostPort port targetPort backoffLimit": consistsOf(digits, 10),
	} {
		for field := range strings.FieldsSeq(fields) {
			s.fields[field] = fits
		}
	}
	return s
}

// structure are the keys that lead to the fields of [newShown]. Data, annotations and what inith does not know are not
// among them.
const structure = "items spec template jobTemplate metadata initContainers containers env valueFrom configMapKeyRef secretKeyRef envFrom configMapRef " +
	"secretRef ports resources limits requests securityContext livenessProbe readinessProbe startupProbe httpGet tcpSocket grpc exec lifecycle preStop " +
	"postStart sleep volumeMounts volumes emptyDir configMap secret persistentVolumeClaim projected sources volumeClaimTemplates"

// shellWords are words of the shell, and programs that rules look for.
const shellWords = "if then else elif fi for in do done while until case esac break exit exec set true ! [ ] [[ ]] | || && { } > >> 2>&1 -- : " +
	"sh bash ash busybox timeout sleep tail cat echo test grep nc ncat curl wget aws gsutil rclone hf huggingface-cli git clone pip install apt-get apk " +
	"sha256sum tar unzip cp mv tee mkdir chmod chown ln nslookup dig getent ping pg_isready psql mysqladmin mysql redis-cli mongosh kubectl " +
	"python python3 java node nginx envoy uvicorn gunicorn inith wait fetch validate render migrate run sidecar"

const (
	digits  = "0123456789"
	letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
)

func setOf(words string) map[string]bool {
	set := map[string]bool{}
	for w := range strings.FieldsSeq(words) {
		set[w] = true
	}
	return set
}

// consistsOf returns whether a string has only these bytes, and at most so many of them.
func consistsOf(bytes string, most int) func(s string) bool {
	return func(s string) bool { return len(s) <= most && strings.Trim(s, bytes) == "" }
}

// isImage reports whether a string looks like an image, without a user before its registry.
func isImage(s string) bool {
	s, digest, pinned := strings.Cut(s, "@sha256:")
	return consistsOf(letters+digits+"._/:-", 200)(s) && !strings.Contains(s, "//") && (!pinned || consistsOf("0123456789abcdef", 64)(digest))
}

// value returns what is shown of a value, "" for nothing. Path has the keys that lead to it.
func (s shown) value(path []string, v *document.Node) string {
	if len(path) == 0 {
		return ""
	}
	field := path[len(path)-1]
	for _, key := range path[:len(path)-1] {
		if !s.around[key] {
			return ""
		}
	}
	if field == "command" || field == "args" {
		return excerpt.Words(v.Text, s.word)
	}
	if fits := s.fields[field]; fits == nil || !fits(v.Text) {
		return ""
	}
	return v.Text
}

// word reports whether a word of a script may be shown. An option is shown if it has one letter: a value may follow without
// a space.
func (s shown) word(w string) bool {
	return s.words[w] || len(w) == 2 && w[0] == '-' && strings.Contains(letters, w[1:])
}
