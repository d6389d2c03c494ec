package explain

import (
	"slices"
	"strings"
)

// in matches the reason of a state, and, if words are given, one of them in the message.
func in(states []string, words ...string) func(facts) bool {
	return func(f facts) bool {
		return slices.Contains(states, f.state) && (len(words) == 0 || slices.ContainsFunc(words, func(w string) bool { return strings.Contains(f.message, w) }))
	}
}

// notStarted is in for a container that was not started at all: the runtime says so by an exit code of its own.
func notStarted(states []string, words ...string) func(facts) bool {
	matches := in(states, words...)
	const runtimeFailed = 128
	return func(f facts) bool {
		return matches(f) && (f.exit < 0 || f.exit == runtimeFailed || strings.Contains(f.message, "oci runtime"))
	}
}

// exits matches the exit code of any container.
func exits(code int) func(facts) bool { return func(f facts) bool { return f.exit == code } }

// inithExits matches the exit code of a container that runs inith.
func inithExits(code int) func(facts) bool {
	return func(f facts) bool { return f.inith && f.exit == code }
}

// failsWith matches a container whose program has failed, and one of the words in what it said.
func failsWith(words ...string) func(facts) bool {
	return func(f facts) bool {
		return f.exit > 0 && f.exit < 126 && slices.ContainsFunc(words, func(w string) bool { return strings.Contains(f.message, w) })
	}
}

// rows returns the table of causes, one line each: the more special ones first.
func rows() []row {
	pull, create := []string{"ImagePullBackOff", "ErrImagePull"}, []string{"CreateContainerConfigError", "CreateContainerError"}
	start := []string{"RunContainerError", "StartError", "ContainerCannotRun", "CreateContainerError", "CrashLoopBackOff"}
	return []row{
		{in(pull, "not found", "manifest unknown", "not exist"), "the image or its tag does not exist", "correct the name or the tag of the image"},
		{in(pull, "unauthorized", "denied", "authentication", "forbidden"), "the registry refuses the login", "add imagePullSecrets with a login for this registry"},
		{in(pull, "toomanyrequests", "rate limit"), "the registry limits the rate of pulls", "log in to the registry, or pull through a mirror"},
		{in(pull, "no such host", "timeout", "connection refused", "i/o"), "the node does not reach the registry", "check the name of the registry, and DNS and proxy of the node"},
		{in(pull), "the image cannot be pulled", "read the message of the kubelet"},
		{in([]string{"InvalidImageName"}), "the name of the image is invalid", "correct it: [REGISTRY/]NAME:TAG, in lower case"},
		{in([]string{"ErrImageNeverPull"}), "the image is not on the node, and imagePullPolicy is Never", "use IfNotPresent, or load the image on the node"},
		{in(create, "configmap"), "a ConfigMap or a key of it does not exist", "create it in this namespace, or mark the reference as optional"},
		{in(create, "secret"), "a Secret or a key of it does not exist", "create it in this namespace, or mark the reference as optional"},
		{in(create, "runasnonroot", "non-root", "non-numeric"), "the image runs as root or as a named user, and runAsNonRoot is set", "set runAsUser to the number of its user"},
		{notStarted(start, "executable file not found", "no such file"), "the command does not exist in the image", "correct command; an image without a shell has no sh"},
		{notStarted(start, "permission denied"), "the command is not executable for the container's user", "check the mode of the file, and runAsUser"},
		{in([]string{"RunContainerError", "StartError", "ContainerCannotRun"}), "the container cannot be started", "read the message of the runtime"},
		{in(create), "the container cannot be created", "read the message of the kubelet"},
		{in([]string{"OOMKilled"}), "the container needed more memory than its limit", "raise limits.memory; a volume with medium: Memory counts too"},
		{inithExits(2), "inith was started with wrong options, and did nothing", "correct the line that its message names; no restart helps"},
		{inithExits(3), "what inith verified is not what was asked for", "correct the file, or the digest, that its message names; no restart helps"},
		{inithExits(124), "the time limit of inith has passed", "its message names the cause: start what it waits for, or raise --timeout"},
		{failsWith("address already in use", "eaddrinuse"), "another container of the Pod listens on the same port: they share their network", "give one of them another port; inith lint finds such ports (S5)"},
		{failsWith("permission denied", "eacces", "operation not permitted"), "the container's user may not read or write a file", "set fsGroup of the Pod, or runAsUser: see the volume and the securityContext"},
		{failsWith("read-only file system", "erofs"), "the container writes to a file system that is read-only", "mount a volume where it writes, without readOnly"},
		{failsWith("no space left on device", "enospc"), "a volume is full", "raise sizeLimit of the emptyDir or the size of the claim, or write less"},
		{inithExits(1), "inith failed", "its message names the cause"},
		{inithExits(70), "inith itself crashed", "report its log"},
		{func(f facts) bool { return f.exit == 137 && f.probeHit }, "a liveness or startup probe failed, and the kubelet killed the container", "give it more time: a startupProbe with a higher failureThreshold"},
		{exits(137), "the container was killed: by the node's memory, or because it did not end within the grace period", "check the memory of the node, and terminationGracePeriodSeconds"},
		{exits(143), "the container was terminated (SIGTERM)", "check for an eviction, a rollout or a failed probe"},
		{exits(139), "the program crashed (SIGSEGV)", "check that the image is for this architecture, and the log"},
		{exits(126), "the command cannot be executed", "check the mode of the file, and its interpreter"},
		{exits(127), "a command was not found", "check PATH and the image; a distroless image has no shell tools"},
		{func(f facts) bool { return f.exit > 0 }, "the program failed", "read its log"},
		{func(f facts) bool { return f.exit == 0 && f.state == "CrashLoopBackOff" }, "the program exits although it should keep running", "check its command: a server must stay in the foreground"},
		{func(f facts) bool { return f.state == "Running" && f.init && f.inith }, "inith still works: the next container starts when it has exited", "its log says what it waits for, every 15 s"},
		{func(f facts) bool { return f.state == "Running" && f.init }, "the init container still runs: the next one starts when it has exited", "if it never exits, make it a sidecar: restartPolicy: Always"},
		{func(f facts) bool { return f.state == "NotReady" && f.probeHit }, "a probe fails", "check the port and the path of the probe, and the log"},
		{in([]string{"NotReady"}), "the container runs, and is not ready yet", "check its readinessProbe or startupProbe, and its log"},
	}
}
