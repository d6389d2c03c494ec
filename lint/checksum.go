package lint

import (
	"path"
	"slices"
	"strings"
)

// A download is a command that fetches something.
type download struct {
	source, dest word // dest is the zero word if the command does not say
}

// fix returns what to do instead.
func (d download) fix() string {
	source, dest := harmlessURL(d.source), known(d.dest)
	if !strings.HasPrefix(source, "http://") && !strings.HasPrefix(source, "https://") {
		return "use inith fetch SOURCE DEST --sha256 HEX, which verifies, resumes and retries"
	}
	if dest == "" {
		dest = "DEST"
	}
	return "use args: [fetch, " + quoteYAML(source) + ", " + quoteYAML(dest) + ", --sha256, HEX], which verifies, resumes and retries"
}

// downloadOf reads a command that downloads.
func downloadOf(c call) (download, bool) {
	switch c.name() {
	case "wget":
		source, ok := c.url()
		dest, _ := c.flagValue("-O", "-qO", "--output-document", "-P", "--directory-prefix")
		return download{source, dest}, ok && !c.has("--spider") && isFile(dest, c.has("-qO-", "-O-"))
	case "curl":
		source, ok := c.url()
		dest, given := c.flagValue("-o", "--output", "-Lo", "-sLo", "-fLo", "-sSLo", "-fsSLo", "-so", "-fsSo")
		remote := c.has("-O", "-LO", "-sLO", "-fLO", "-fsSLO", "-OL", "--remote-name")
		return download{source, dest}, ok && (given && isFile(dest, false) || remote)
	case "aws", "gsutil", "gcloud", "mc", "s5cmd", "rclone", "azcopy":
		source, ok := c.url()
		return download{source: source}, ok && c.has("cp", "sync", "copy", "mirror", "rsync")
	case "huggingface-cli", "hf":
		return download{}, c.is(c.name(), "download")
	}
	return download{}, false
}

// isFile reports whether the output of a download is kept. Without an option, wget keeps it.
func isFile(dest word, printed bool) bool {
	return !printed && dest.text != "-" && dest.text != "/dev/null" && dest.text != "/dev/stdout"
}

// noChecksum finds downloads that nothing verifies.
func noChecksum(p *Pod, _ *Manifests) []Finding {
	var all []Finding
	for _, c := range p.init {
		program := c.program
		calls := program.calls()
		if slices.ContainsFunc(calls, verifies) {
			continue
		}
		for _, call := range calls {
			if d, ok := downloadOf(call); ok {
				all = append(all, c.inScript(call.pos, "what "+call.name()+" downloads is not verified, and a partial file can stay behind", d.fix()))
				break
			}
		}
	}
	return all
}

// verifies reports whether a command checks a digest or a signature.
func verifies(c call) bool {
	name := c.name()
	if strings.HasSuffix(name, "sum") && (strings.HasPrefix(name, "sha") || name == "md5sum" || name == "b3sum" || name == "b2sum") {
		return true
	}
	switch name {
	case "cosign", "gpg", "gpgv", "minisign", "shasum", "rhash":
		return true
	case "openssl":
		return c.is("openssl", "dgst")
	}
	return path.Base(name) == "inith"
}
