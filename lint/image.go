package lint

import "strings"

// unpinnedImage finds images whose content changes under the same name.
func unpinnedImage(p *Pod, _ *Manifests) []Finding {
	var all []Finding
	for _, c := range p.containers() {
		image := c.at("image")
		if image.text() == "" || isUnknown(image.text()) || strings.Contains(image.text(), "@") {
			continue
		}
		_, tag, tagged := strings.Cut(image.text()[strings.LastIndexByte(image.text(), '/')+1:], ":")
		switch {
		case !tagged:
			all = append(all, c.finding(image, "the image has no tag, which means latest", "add a version, best with a digest: NAME:TAG@sha256:…"))
		case tag == "latest":
			all = append(all, c.finding(image, "the tag latest is another image tomorrow", "use a version, best with a digest: NAME:TAG@sha256:…"))
		}
	}
	return all
}
