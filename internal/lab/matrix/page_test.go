//go:build linux

package matrix_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"

	"github.com/meshpeer/meshpeer/internal/lab"
)

// results are what the tests of this run saw, in their order.
var results table

// table has a section for each kind of test, with a row for each version and a column for each test.
type table struct {
	mu       sync.Mutex
	sections []section
}

type section struct {
	title         string
	columns, rows []string
	cells         map[[2]string]string
}

const failed = "**failed**"

// see runs a test and notes what it says it saw.
func see(t *testing.T, title, row, column string, test func(t *testing.T) string) bool {
	t.Helper()
	return t.Run(column, func(t *testing.T) {
		cell := failed
		defer func() { results.put(title, row, column, cell) }()
		cell = test(t)
		if t.Failed() {
			cell = failed
		}
	})
}

func (r *table) put(title, row, column, cell string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	at := -1
	for i := range r.sections {
		if r.sections[i].title == title {
			at = i
		}
	}
	if at < 0 {
		at = len(r.sections)
		r.sections = append(r.sections, section{title: title, cells: map[[2]string]string{}})
	}
	s := &r.sections[at]
	s.columns, s.rows = with(s.columns, column), with(s.rows, row)
	s.cells[[2]string{row, column}] = cell
}

func with(all []string, name string) []string {
	for _, have := range all {
		if have == name {
			return all
		}
	}
	return append(all, name)
}

func (s section) lines() [][]string {
	all := [][]string{append([]string{"Istio"}, s.columns...)}
	for _, row := range s.rows {
		line := []string{row}
		for _, column := range s.columns {
			line = append(line, s.cells[[2]string{row, column}])
		}
		all = append(all, line)
	}
	return all
}

func (r *table) text() string {
	var out strings.Builder
	for _, s := range r.sections {
		fmt.Fprintf(&out, "\n%s\n", s.title)
		w := tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0)
		for _, line := range s.lines() {
			fmt.Fprintln(w, strings.Join(line, "\t"))
		}
		_ = w.Flush()
	}
	return out.String()
}

// page is docs/compatibility.md.
func (r *table) page() string {
	var out strings.Builder
	fmt.Fprint(&out, head)
	for _, v := range lab.Releases() {
		module := v.Module
		if v.Default() {
			module = "that of `internal/lab/controlplane/go.mod`"
		} else {
			module = "`" + module + "`"
		}
		fmt.Fprintf(&out, "| %s | `%s` | %s | %s |\n", v.Name, v.Tag, v.What, module)
	}
	for _, s := range r.sections {
		fmt.Fprintf(&out, "\n## %s\n\n%s\n\n", s.title, about[s.title])
		for i, line := range s.lines() {
			fmt.Fprintf(&out, "| %s |\n", strings.Join(line, " | "))
			if i == 0 {
				fmt.Fprintln(&out, strings.Repeat("| --- ", len(line))+"|")
			}
		}
	}
	return out.String()
}

const head = `# Which Istio it ran with

Written by ` + "`make matrix`" + ` from what ran: real istiods of these versions, their own pilot-agent and istioctl, stock Envoy as
sidecars and east-west gateways, the API servers of the lab (Kubernetes 1.36). A cell says what was seen.

A release of Istio is not a version of a Go module: the lab compiles the commit of its tag. What is not here has not run: the module
proxy refused the commits of 1.24.6, 1.26.4, 1.28.0, 1.29.0, 1.29.2, 1.30.0, 1.30.1 and 1.30.3, and dependencies of branch 1.30.

| name | image tag on the lab | what it is | module istio.io/istio |
| --- | --- | --- | --- |
`

// Titles of the sections, and what is said of each.
const (
	titleAlone   = "One version in both clusters"
	titlePairs   = "Two versions"
	titleCanary  = "A canary"
	titleRoles   = "The reader's rights"
	titleHazards = "What a rotation meets"

	titleConditions = "What a remote secret meets under a condition"
)

var about = map[string]string{
	titleConditions: "Hazards that appear only with a setting: here `PILOT_ENABLE_REMOTE_CREDENTIALS_CONTROLLER=false`.",
	titleAlone: "cluster-1 has one istiod, cluster-2 two. *peer*: `Ensure` both ways, and once more, which changes nothing. *verify*: every level " +
		"from istiod's view to an answer over mutual TLS. *traffic*: where the caller's cluster has no httpbin, the other answers. *rotate*: " +
		"`Rotate` while a client calls without a pause over the link. *remove*: no istiod lists the cluster any more, the credential is " +
		"refused. *adopt*: a remote secret of this version's own istioctl is taken over and its token revoked.",
	titlePairs: "cluster-1 runs the first version, cluster-2 the second, peered both ways; the columns name who reads whom. Each is verified up " +
		"to an answer over mutual TLS, then rotated under traffic.",
	titleCanary: "The reading cluster runs the older version, and the newer one beside it as a revision of its own. Once the istiods of both are synced the " +
		"namespace is switched over, a client of the new revision calls while that of the old one still does, the old control plane is " +
		"removed, and the credential is rotated.",
	titleRoles: "What istiod makes of a cluster that it reads with a role, by profile of package rbac, where the Gateway API is installed: `upstream` is that " +
		"of the version's own chart; each resource of `minimal` is left out in turn.",
	titleHazards: "*by hand*: a new token is written into the remote secret and the old one is revoked, as one would without this module. *Rotate*: on its " +
		"own. *Rotate with restart*: with `Peering.RestartIstiods`. Each under traffic over the link; then the remote cluster's httpbin " +
		"gets a second Pod, to see whether istiod still follows, and a second remote secret is made, to see whether it still looks. An " +
		"istiod that does not follow shows no error, and no request fails until an endpoint changes.",
}
