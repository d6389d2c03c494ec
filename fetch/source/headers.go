package source

import (
	"net/http"
	"slices"
	"strings"
	"time"
)

// info reads what an answer says of the object.
func info(resp *http.Response) Info {
	i := Info{Size: -1, Validator: validator(resp.Header), Encoding: compression(resp.Header.Values("Content-Encoding"))}
	if !transformed(resp) {
		i.Digests = serverDigests(resp)
	}
	return i
}

// compression returns the first coding that compresses. Others change no byte: aws-chunked
// is of uploads, and many say utf-8, binary or none.
func compression(codings []string) string {
	known := []string{
		"gzip", "x-gzip", "deflate", "compress", "x-compress", "br", "zstd", "dcb", "dcz", "exi", "pack200-gzip",
		"bzip2", "x-bzip2", "xz", "lzma", "lz4", "snappy", "x-snappy-framed",
	}
	for coding := range strings.SplitSeq(strings.ToLower(strings.Join(codings, ",")), ",") {
		if coding = strings.TrimSpace(coding); slices.Contains(known, coding) {
			return coding
		}
	}
	return ""
}

// transformed reports whether the bytes are not those that the server's digests are of: a
// proxy has changed them (203; RFC 9111, section 5.5: the warning 214), or Google's store
// has decompressed what it keeps compressed.
func transformed(resp *http.Response) bool {
	h := resp.Header
	stored := compression(h.Values("X-Goog-Stored-Content-Encoding"))
	return resp.StatusCode == http.StatusNonAuthoritativeInfo ||
		slices.ContainsFunc(h.Values("Warning"), func(w string) bool { return strings.HasPrefix(w, "214") }) ||
		stored != "" && compression(h.Values("Content-Encoding")) != stored
}

// validator returns what tells one version of the object from another, in the
// form of If-Range (RFC 9110, sections 8.8 and 13.1.5): a strong entity tag, or a
// date of modification that is so old that a second change would show.
func validator(h http.Header) string {
	tag := h.Get("ETag")
	if len(tag) >= 2 && tag[0] == '"' {
		return tag
	}
	modified, err1 := http.ParseTime(h.Get("Last-Modified"))
	date, err2 := http.ParseTime(h.Get("Date"))
	if err1 != nil || err2 != nil || date.Sub(modified) < time.Minute {
		return ""
	}
	return h.Get("Last-Modified")
}

// serverDigests returns the digests of the whole object that an answer names:
// Repr-Digest (RFC 9530), Digest (RFC 3230), those of Google's and Amazon's
// stores and of Artifactory, and Content-MD5 where the answer is the whole.
func serverDigests(resp *http.Response) []Digest {
	h := resp.Header
	var all []Digest
	add := func(d Digest) {
		if d != (Digest{}) {
			all = append(all, d)
		}
	}
	names := map[string]string{"sha-256": "sha256", "sha-512": "sha512", "sha": "sha1", "md5": "md5", "crc32c": "crc32c"}
	for _, name := range []string{"Repr-Digest", "Digest", "X-Goog-Hash"} {
		for pair := range strings.SplitSeq(strings.Join(h.Values(name), ","), ",") {
			key, value, _ := strings.Cut(strings.TrimSpace(pair), "=")
			add(base64Digest(names[strings.ToLower(key)], strings.Trim(value, ":")))
		}
	}
	add(amazonDigest(h))
	add(hexDigest("sha256", h.Get("X-Checksum-Sha256")))
	if resp.StatusCode == http.StatusOK {
		add(base64Digest("md5", h.Get("Content-Md5")))
	}
	return all
}

// amazonDigest returns the strongest checksum of the whole object that Amazon's store names: one is enough, and each costs
// time. Composite ones, of the checksums of parts, are not of the object's bytes.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity.html
func amazonDigest(h http.Header) Digest {
	if strings.EqualFold(h.Get("X-Amz-Checksum-Type"), "COMPOSITE") {
		return Digest{}
	}
	for _, name := range []string{"sha512", "sha256", "sha1", "md5", "crc64nvme", "crc32c", "crc32"} {
		if d := base64Digest(name, h.Get("X-Amz-Checksum-"+name)); d != (Digest{}) { // not that of a value such as "…-3"
			return d
		}
	}
	return Digest{}
}
