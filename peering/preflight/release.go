package preflight

import (
	"cmp"
	"fmt"
	"regexp"
	"strconv"
)

// release is a version of Istio or Kubernetes, as far as hazards depend on it.
type release struct {
	major, minor, patch int
	pre                 string // alpha, beta or rc; "" for a release
	preNumber           int
}

// The forms that image tags have: "1.29.1", "1.30.3-distroless", "v1.31.0-alpha.1", "1.22.6.78-gd3ac4cbd-aliyun", "1.27".
var releasePattern = regexp.MustCompile(`^v?(\d{1,4})\.(\d{1,4})(?:\.(\d{1,4}))?(?:\.\d+)*(?:[-.+](alpha|beta|rc)(?:\.(\d{1,4}))?)?(?:[-.+].*)?$`)

func parseRelease(text string) (release, bool) {
	m := releasePattern.FindStringSubmatch(text)
	if m == nil {
		return release{}, false
	}
	number := func(i int) int { n, _ := strconv.Atoi(m[i]); return n } // digits, or empty for 0
	r := release{number(1), number(2), number(3), m[4], number(5)}
	return r, r.major > 0 // a development build is no version
}

func (r release) compare(o release) int {
	final := func(r release) string { return cmp.Or(r.pre, "~") } // after every pre-release in the order of letters
	return cmp.Or(cmp.Compare(r.major, o.major), cmp.Compare(r.minor, o.minor), cmp.Compare(r.patch, o.patch),
		cmp.Compare(final(r), final(o)), cmp.Compare(r.preNumber, o.preNumber))
}

// String returns "1.30.3" or "1.31.0-alpha.2".
func (r release) String() string {
	text := fmt.Sprintf("%d.%d.%d", r.major, r.minor, r.patch)
	if r.pre != "" {
		text += fmt.Sprintf("-%s.%d", r.pre, r.preNumber)
	}
	return text
}
