package rbac

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"

	"github.com/meshpeer/meshpeer/internal/invalid"
)

// ErrVersionTooOld is wrapped by the error for an Options.IstioVersion whose
// charts are older than those this package knows (1.19).
var ErrVersionTooOld = errors.New("istio version too old")

// The minors of Istio 1 whose charts the rules were compared with.
const (
	oldestMinor = 19
	newestMinor = 31

	// provedMinor is the minor that ran on the lab.
	provedMinor = 31

	// From here on istiod reads the mesh configuration of a remote cluster
	// (Istio pilot/pkg/serviceregistry/kube/controller/multicluster.go).
	meshConfigMinor = 29
)

// Accepts ASM's and pre-release forms too: "1.22.6.78-gd3ac4cbd-aliyun".
var versionPattern = regexp.MustCompile(`^v?(0|[1-9]\d{0,3})\.(0|[1-9]\d{0,3})(?:\.\d+)*(?:[-+][0-9A-Za-z.+-]+)?$`)

// resolveVersion returns the minor whose rules apply to the version and
// profile, and a warning when that is a guess.
func resolveVersion(version string, profile Profile) (minor int, warning string, err error) {
	if version == "" {
		return newestMinor, "", nil
	}
	refuse := func(reason, remedy string, cause error) error {
		return invalid.Field("Options.IstioVersion", version, reason, remedy).Because(cause)
	}
	parts := versionPattern.FindStringSubmatch(version)
	if parts == nil {
		return 0, "", refuse("is not a version of Istio", `write it like "1.27", "1.27.3" or "v1.27.3-alpha.1", or leave it empty for the newest known`, nil)
	}
	if profile == ASM {
		return newestMinor, "", nil
	}
	// The pattern leaves at most four digits: Atoi cannot fail.
	major, _ := strconv.Atoi(parts[1])
	minor, _ = strconv.Atoi(parts[2])
	switch {
	case major < 1 || major == 1 && minor < oldestMinor:
		return 0, "", refuse(fmt.Sprintf("is older than 1.%d, the oldest whose charts are known", oldestMinor), fmt.Sprintf("upgrade istiod, or use profile %s, which does not vary by version", ASM), ErrVersionTooOld)
	case major > 1 || minor > newestMinor:
		return newestMinor, fmt.Sprintf("IstioVersion %q is newer than 1.%d, the newest whose charts are known: rendered as 1.%[2]d; compare with its own chart", version, newestMinor), nil
	case profile == Minimal && minor != provedMinor:
		return minor, fmt.Sprintf("the rules of profile %s for IstioVersion %q were read in the source of Istio 1.%d and have not been run with it", Minimal, version, minor), nil
	}
	return minor, "", nil
}
