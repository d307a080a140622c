package build

import (
	"fmt"
	"slices"
	"strings"
)

// Release is a version of Istio that the lab can run.
type Release struct {
	// Name is what programs ask for.
	Name string
	// Tag is that of the images which Pods of this version name. Builds that Istio did not release end in -lab.
	Tag string
	// What says for people what was built.
	What string
	// Module is the version of the Go module istio.io/istio; empty for the one that is part of the default binary.
	Module string
	// Sum and ModSum are the checksums of the module and of its go.mod, as go.sum has them.
	Sum, ModSum string
}

// Default says that the release is part of the binary that every lab runs.
func (r Release) Default() bool { return r.Module == "" }

// Releases lists the versions, the oldest first. Istio's tags are not versions of a Go module, so the module of a release is
// that of the commit which its tag names.
func Releases() []Release {
	return []Release{
		{
			Name: "1.29.1", Tag: "1.29.1", What: "the release",
			Module: "v0.0.0-20260306174214-6991a379e1fc",
			Sum:    "h1:/cuKTtCeZxShA9tOz6N0QwNraftSlel9bqOvMNune94=",
			ModSum: "h1:aJQk1a5NwrEKcSa1hWibY5njycOhsJImlYYAyqipVY0=",
		},
		{Name: "1.31", Tag: "1.31.0-lab", What: "development build of 27 August 2026"},
	}
}

// FindRelease finds a release by its name, or by its minor version where one release alone has it; "" is the default.
func FindRelease(name string) (Release, error) {
	all := Releases()
	var names []string
	for _, r := range all {
		if r.Name == name || name == "" && r.Default() {
			return r, nil
		}
		names = append(names, r.Name)
	}
	if i := slices.IndexFunc(all, func(r Release) bool { return name != "" && strings.HasPrefix(r.Name, name+".") }); i >= 0 {
		return all[i], nil
	}
	return Release{}, fmt.Errorf("no Istio %q: there are %s", name, strings.Join(names, ", "))
}
