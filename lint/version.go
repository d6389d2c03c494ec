package lint

import (
	"errors"
	"strconv"
	"strings"
)

// ParseKubeVersion returns the minor number of a version such as 1.30 or v1.30.2.
func ParseKubeVersion(version string) (minor int, err error) {
	rest, ok := strings.CutPrefix(strings.TrimPrefix(version, "v"), "1.")
	number, _, _ := strings.Cut(rest, ".")
	minor, err = strconv.Atoi(number)
	if !ok || err != nil || minor < 1 {
		return 0, errors.New("want a version of Kubernetes such as 1.30")
	}
	return minor, nil
}

// sidecarsSince is the minor version in which sidecars are on by default: https://kep.k8s.io/753
const sidecarsSince = 29

// unknownSidecar finds sidecars that the cluster takes for init containers, so that it waits for their end.
func unknownSidecar(p *Pod, m *Manifests) []Finding {
	if m.minor == 0 || m.minor >= sidecarsSince {
		return nil
	}
	var all []Finding
	for _, c := range p.init {
		if c.sidecar {
			all = append(all, c.finding(c.at("restartPolicy"), "Kubernetes 1."+strconv.Itoa(m.minor)+" takes this sidecar for an init container, and waits for its end",
				"upgrade to 1.29 or later, or move it to containers"))
		}
	}
	return all
}
