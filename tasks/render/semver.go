package render

import "github.com/Masterminds/semver/v3"

// semverCompare has the constraints of sprig and Helm.
func semverCompare(constraint, version string) (bool, error) {
	c, err := semver.NewConstraint(constraint)
	if err != nil {
		return false, wrong("semverCompare: the constraint is not valid, such as \">=1.2 <2\"")
	}
	v, err := semver.NewVersion(version)
	if err != nil {
		return false, wrong("semverCompare: this string is not a version")
	}
	return c.Check(v), nil
}
