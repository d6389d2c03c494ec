package lint

// A Rule looks at one Pod, and at the other manifests of the same set. A finding of it needs a position, a message and a
// fix; its severity is that of the rule unless it has one. A Rule never reports what depends on a value that is unknown.
type Rule interface {
	Check(p *Pod, m *Manifests) []Finding
}

type ruleFunc func(p *Pod, m *Manifests) []Finding

func (f ruleFunc) Check(p *Pod, m *Manifests) []Finding { return f(p, m) }

// An objectRule also looks at objects of the kinds that inith knows and that hold no Pod, such as Services.
type objectRule struct{ ruleFunc }

// A RuleInfo is a row of the table of rules.
type RuleInfo struct {
	Rule

	ID       string
	Name     string
	Severity Severity
	Means    string // what the rule finds
}

// Rules returns all rules. It is the only place where a rule is registered.
func Rules() []RuleInfo {
	return []RuleInfo{
		{ruleFunc(neverEnds), "I1", "never-ends", Error, "an init container whose command never exits"},
		{ruleFunc(waitWithoutTimeout), "I2", "wait-without-timeout", Warning, "a loop that waits for a dependency without a time limit"},
		{ruleFunc(noResources), "I3", "no-resources", Warning, "an init container without resource requests or a memory limit"},
		{ruleFunc(heavyStart), "I4", "heavy-start", Warning, "an application container that downloads, installs or migrates before it starts"},
		{ruleFunc(noChecksum), "I5", "no-checksum", Warning, "a download in an init container that nothing verifies"},
		{ruleFunc(noRetry), "I6", "no-retry", Info, "a download in an init container that is tried once"},
		{ruleFunc(unpinnedImage), "I7", "unpinned-image", Warning, "an image without a tag, or with latest"},
		{ruleFunc(writeLost), "I8", "write-lost", Error, "a download of an init container that no volume keeps"},
		{ruleFunc(migrationRace), "I9", "migration-race", Warning, "a migration that several replicas run at the same time"},
		{ruleFunc(probeOnInit), "I10", "probe-on-init", Error, "a probe or a lifecycle hook on an init container that is no sidecar"},
		{ruleFunc(deadlineOfPod), "I11", "pod-deadline", Warning, "activeDeadlineSeconds in the Pod template of a workload that runs for ever"},
		{ruleFunc(wrongOrder), "I12", "wrong-order", Error, "two containers of one name, or an init container that needs a sidecar listed after it"},
		{ruleFunc(notShared), "V1", "not-shared", Error, "a download into a volume that no other container mounts"},
		{ruleFunc(pathDiffers), "V2", "path-differs", Error, "a path of the application that only an init container has"},
		{ruleFunc(danglingMount), "V3", "dangling-mount", Error, "a volume mount without its volume, or two at one path"},
		{ruleFunc(logPath), "V4", "log-path", Warning, "a sidecar that follows a log where the application does not write it"},
		{ruleFunc(writableModel), "V5", "writable-model", Info, "a download that the application can change"},
		{ruleFunc(unlimitedVolume), "V6", "unlimited-volume", Warning, "an emptyDir without a size limit"},
		{ruleFunc(wrongOwner), "V7", "wrong-owner", Warning, "a volume that two users write, or a download into a read-only volume"},
		{ruleFunc(staleConfig), "V8", "stale-config", Info, "a file of a ConfigMap or Secret that never changes in the container"},
		{ruleFunc(classicSidecar), "S1", "classic-sidecar", Warning, "a sidecar among the application containers"},
		{ruleFunc(unknownSidecar), "S2", "unknown-sidecar", Warning, "a sidecar that the version of Kubernetes does not know (--kube-version)"},
		{ruleFunc(noStartupProbe), "S3", "no-startup-probe", Warning, "a sidecar that the application connects to, without a startupProbe"},
		{ruleFunc(lateSidecar), "S4", "late-sidecar", Warning, "a sidecar that starts after an init container that needs it, or that delays one that does not"},
		{ruleFunc(portConflict), "S5", "port-conflict", Error, "two containers that run at the same time with one port"},
		{ruleFunc(portMismatch), "S6", "port-mismatch", Warning, "a port for metrics at which nothing listens"},
		{ruleFunc(wrongReference), "S7", "wrong-reference", Error, "a key that a ConfigMap or Secret lacks, or a name that is nearly that of one"},
		{ruleFunc(bypassedAudit), "S8", "bypassed-audit", Warning, "an application that can be reached past the proxy that audits it"},
		{ruleFunc(shortGrace), "S9", "short-grace", Warning, "a preStop hook that sleeps for as long as the Pod may take to end"},
		{ruleFunc(unrestricted), "S10", "unrestricted", Warning, "a sidecar without a memory limit or with rights that it does not need, or a privileged init container"},
		{ruleFunc(lossyLogs), "S11", "lossy-logs", Warning, "a fluent-bit configuration that loses lines"},
		{ruleFunc(lostAudit), "S12", "lost-audit", Warning, "an audit log that no volume keeps"},
		{ruleFunc(otherEnvironment), "E3", "other-environment", Warning, "a check of an environment variable that the application has from another source"},
		{objectRule{unknownField}, "U1", "unknown-field", Error, "a field that Kubernetes does not know, or a value of another type"},
	}
}
