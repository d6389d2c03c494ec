package google

// ExpectsMetadata reports whether there should be a metadata server.
func ExpectsMetadata(p Places) bool { return (&finder{Places: p}).expectsMetadata() }
