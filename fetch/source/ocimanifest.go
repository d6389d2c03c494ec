package source

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/inith/inith/internal/usererr"
)

// Media types that a manifest may have
// (https://github.com/opencontainers/image-spec/blob/v1.1.1/media-types.md, https://distribution.github.io/distribution/spec/manifest-v2-2/).
const (
	ociManifestType    = "application/vnd.oci.image.manifest.v1+json"
	ociIndexType       = "application/vnd.oci.image.index.v1+json"
	dockerManifestType = "application/vnd.docker.distribution.manifest.v2+json"
	dockerIndexType    = "application/vnd.docker.distribution.manifest.list.v2+json"

	ociImageConfig    = "application/vnd.oci.image.config.v1+json"
	dockerImageConfig = "application/vnd.docker.container.image.v1+json"
)

// Annotations that name the file that a layer is, and what else is known of it: those of ORAS
// (https://oras.land/docs/how_to_guides/pushing_and_pulling/), and of ModelPack
// (https://github.com/modelpack/model-spec/blob/main/docs/annotations.md) and what it was called before.
const (
	titleAnnotation  = "org.opencontainers.image.title"
	unpackAnnotation = "io.deis.oras.content.unpack"
)

func pathAnnotations() []string {
	return []string{"org.cncf.model.filepath", "org.cnai.model.filepath"}
}

// An ociManifest is what is read of a manifest: of an image or artifact, or of the list of those for several platforms.
type ociManifest struct {
	MediaType string
	Config    ociDescriptor
	Layers    []ociDescriptor
	Manifests []ociDescriptor
	FSLayers  []struct{} // of a manifest of schema 1, which is not read
}

// An ociDescriptor says what a blob or a manifest is.
type ociDescriptor struct {
	MediaType   string
	Digest      string
	Size        int64
	Annotations map[string]string
	Platform    *ociPlatform
}

type ociPlatform struct{ OS, Architecture, Variant string }

func (p *ociPlatform) String() string {
	s := p.OS + "/" + p.Architecture
	if p.Variant != "" {
		s += "/" + p.Variant
	}
	return s
}

// parseManifest reads a manifest. What it takes of memory is bounded by the number of its values.
func parseManifest(b []byte) (*ociManifest, error) {
	const values = 100_000
	if bytes.Count(b, []byte(",")) > values {
		return nil, notARegistry("a manifest with too many parts")
	}
	var m ociManifest
	if json.Unmarshal(b, &m) != nil {
		return nil, notARegistry("no JSON, or another than documented")
	}
	switch {
	case len(m.FSLayers) > 0:
		return nil, &usererr.Error{Text: "the manifest is of schema 1, which registries have given up", Hint: "Push the image again with a current program."}
	case len(m.Manifests) == 0 && len(m.Layers) == 0:
		return nil, &usererr.Error{Text: "the manifest has no layers", Hint: "Check the tag: some are of signatures or of indexes that are empty."}
	}
	return &m, nil
}

// notARegistry is the error for an answer that no registry gives.
func notARegistry(got string) error {
	return &usererr.Error{Text: "the registry's answer is not understood: " + got, Hint: "Is this the URL of a registry?"}
}

// choose returns the manifest for a platform, in a list of several.
func (m *ociManifest) choose(platform string) (Digest, error) {
	var have []string
	for i := range m.Manifests {
		d := &m.Manifests[i]
		if d.Platform == nil || d.Platform.OS == "unknown" { // an artifact, or what is known of the others
			continue
		}
		if p := d.Platform.String(); p == platform || strings.HasPrefix(p, platform+"/") {
			return d.digest()
		}
		have = append(have, d.Platform.String())
	}
	if len(m.Manifests) == 1 && len(have) == 0 {
		return m.Manifests[0].digest()
	}
	if len(have) == 0 {
		return Digest{}, &usererr.Error{Text: "the index has no images, and several artifacts", Hint: "Give the digest of one of them: oci://REGISTRY/REPOSITORY@sha256:…"}
	}
	const shown = 10
	return Digest{}, &usererr.Error{
		Text: fmt.Sprintf("there is no image for %s, only for %.200q", platform, have[:min(shown, len(have))]),
		Hint: "Choose one with the query key platform, as in oci://REGISTRY/REPOSITORY:TAG?platform=linux/amd64.",
	}
}

func (d *ociDescriptor) digest() (Digest, error) {
	if sum := ociDigest(d.Digest); sum != (Digest{}) && d.Size >= 0 {
		return sum, nil
	}
	return Digest{}, notARegistry("a blob without a size, or without a digest of sha256 or sha512")
}

// isImage reports whether the layers are those of a container's root file system.
func (m *ociManifest) isImage() bool {
	named := func(d ociDescriptor) bool { return d.name() != "" }
	return (m.Config.MediaType == ociImageConfig || m.Config.MediaType == dockerImageConfig) && !slices.ContainsFunc(m.Layers, named)
}

// name returns the path of the file that a layer is, "" if it has none.
func (d *ociDescriptor) name() string {
	for _, key := range pathAnnotations() {
		if name := d.Annotations[key]; name != "" {
			return name
		}
	}
	return d.Annotations[titleAnnotation]
}

// isArchive reports whether a layer is a tar of files: by its type in ModelPack, and where it has no name; by an annotation
// where it was made by ORAS, which gives files of the user's the types of archives too.
func (d *ociDescriptor) isArchive() bool {
	if d.Annotations[unpackAnnotation] == "true" {
		return true
	}
	media, _, _ := strings.Cut(d.MediaType, ";")
	isTar := slices.ContainsFunc([]string{".tar", ".tar+gzip", ".tar+zstd", ".tar.gzip"}, func(end string) bool { return strings.HasSuffix(media, end) })
	model := strings.HasPrefix(media, "application/vnd.cncf.model.") || strings.HasPrefix(media, "application/vnd.cnai.model.")
	return isTar && (model || d.name() == "")
}

// A Layer says that an object is an archive (tar, tar.gz or tar.zst) whose files are part of the directory that a URL means.
type Layer struct {
	Order int    // of several, each of which is laid over those with a lower one
	Below string // what is below this directory in the archive counts, and its name is cut off; "": everything
	Image bool   // of a root file system, with whiteouts of what lower ones have
}

// files returns the layers that are files or hold files, those of the directory that the URL names.
func (r *ociRepository) files(m *ociManifest) ([]Object, error) {
	below, image := r.name.path, m.isImage()
	if image {
		below = strings.TrimSuffix("models/"+below, "/")
	}
	var all []Object
	unnamed := 0
	for i := range m.Layers {
		d := &m.Layers[i]
		sum, err := d.digest()
		if err != nil {
			return nil, Permanent(err)
		}
		o := Object{Name: d.name(), Size: d.Size, Digests: []Digest{sum}, Validator: sum.String(), Addressed: true}
		switch {
		case image || d.isArchive():
			o.Name, o.Layer = "", &Layer{Order: i, Below: below, Image: image}
		case o.Name == "":
			unnamed++
			continue
		}
		o.Source = r.blob(o.Name, sum, d.Size)
		all = append(all, o)
	}
	if len(all) == 0 {
		return nil, Permanent(&usererr.Error{
			Text: fmt.Sprintf("%s has no files: it is neither an image nor an artifact whose layers have names (%d layers)", r.name.String(), unnamed),
			Hint: "Push files with ORAS or a program for ModelPack: their layers have the annotation " + titleAnnotation + ".",
		})
	}
	return r.selected(all)
}

// selected returns the file that the path names, or what is in that directory.
func (r *ociRepository) selected(all []Object) ([]Object, error) {
	if r.name.path == "" {
		return all, nil
	}
	layers := slices.ContainsFunc(all, func(o Object) bool { return o.Layer != nil })
	below := all[:0]
	for i := range all {
		o := &all[i]
		if o.Name == r.name.path && !r.name.directory {
			o.Name = ""
			return all[i : i+1], nil
		}
		rest, inside := strings.CutPrefix(o.Name, r.name.path+"/")
		if inside {
			o.Name = rest
		}
		if inside || o.Layer != nil {
			below = append(below, *o)
		}
	}
	switch {
	case layers && !r.name.directory:
		return nil, Permanent(&usererr.Error{
			Text: fmt.Sprintf("%s has its files in archives: %q cannot be fetched alone", r.name.String(), r.name.path),
			Hint: "Fetch the directory with --include " + r.name.path + ", or write a slash at the end if it is a directory.",
		})
	case len(below) == 0:
		kind := cmp.Or(map[bool]string{true: "directory"}[r.name.directory], "file")
		return nil, Permanent(&usererr.Error{
			Text: fmt.Sprintf("%s has no %s %q", r.name.String(), kind, r.name.path), Hint: "Check the path: upper and lower case differ.",
		})
	}
	return below, nil
}
