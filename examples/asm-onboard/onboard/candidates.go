package onboard

import (
	"context"
	"fmt"
	"strings"

	"github.com/meshpeer/meshpeer/peering/preflight"
	"github.com/meshpeer/meshpeer/probe"

	"github.com/meshpeer/meshpeer/examples/asm-onboard/asmapi"
)

// candidates asks ASM whether the clusters that are missing could be added: a preflight that needs no right in them.
func (r *run) candidates(ctx context.Context) error {
	missing := r.missing()
	if len(missing) == 0 {
		return nil
	}
	all, err := r.API.DescribeServiceMeshClusters(ctx, r.Mesh.Instance)
	if err != nil {
		return err
	}
	byID := map[string]asmapi.Candidate{}
	for _, c := range all {
		byID[c.ClusterID] = c
	}
	for _, m := range missing {
		c, listed := byID[m.ID.String()]
		if !listed {
			r.unlisted(m)
			continue
		}
		if c.State != asmapi.StateRunning {
			r.found("asm-candidate", preflight.Blocks, probe.Failed, m.ID.String(),
				fmt.Sprintf("the cluster is %q %s", asmapi.Clean(c.State), asmapi.Clean(c.ErrorMessage)),
				"see it in the console of Container Service, and run this again when it runs")
		}
		r.judgeFlag(m, c)
	}
	return r.blocked()
}

// unlisted: ASM lists the ACK clusters of the instance's region. Whether it lists others is not documented.
func (r *run) unlisted(m Member) {
	status, severity := probe.Failed, preflight.Blocks
	if m.Kubeconfig != "" {
		status, severity = probe.Unknown, preflight.Warns
	}
	r.found("asm-candidate", severity, status, m.ID.String(), "ASM does not list it among the clusters that could be added",
		"check that this is its ID and not its name, in the account and region of the instance; a cluster outside of ACK needs a kubeconfig")
}

// refusals are the documented values of ForbiddenFlag, and what to do about each.
var refusals = map[int]struct{ id, evidence, remedy string }{
	asmapi.FlagNotAdmin: {
		"asm-administrator", "the caller is no administrator of the cluster",
		"let somebody who is one grant it, under Authorizations in the console of Container Service",
	},
	asmapi.FlagOtherVPC: {
		"asm-vpc", "its VPC is not connected with that of the instance",
		"connect the two VPCs, for example by Cloud Enterprise Network",
	},
	asmapi.FlagRanges: {
		"asm-address-ranges", "address ranges conflict",
		"address ranges of Pods, Services and VPCs must differ in a mesh: make the cluster anew with others, or leave it out",
	},
	asmapi.FlagNamespace: {
		"asm-namespace", "it has a namespace istio-system: another mesh is or was there",
		"remove that mesh and the namespace, or set ignoreNamespaceCheck for a migration from Istio",
	},
}

// judgeFlag reads ForbiddenFlag.
func (r *run) judgeFlag(m Member, c asmapi.Candidate) {
	id := m.ID.String()
	known, found := refusals[c.ForbiddenFlag]
	switch {
	case c.ForbiddenFlag == asmapi.FlagFine:
	case !found:
		r.found("asm-candidate", preflight.Blocks, probe.Unknown, id,
			fmt.Sprintf("ForbiddenFlag is %d, which is not documented; it says %q", c.ForbiddenFlag, asmapi.Clean(c.ForbiddenInfo)),
			"try to add it in the ASM console, which says why it cannot be")
	case c.ForbiddenFlag == asmapi.FlagNamespace && m.IgnoreNamespaceCheck:
		r.found(known.id, preflight.Warns, probe.Warned, id,
			"it has a namespace istio-system, and is added in spite of that", "see that nothing in it is in use by another mesh")
	default:
		r.found(known.id, preflight.Blocks, probe.Failed, id, known.evidence+details(c), known.remedy)
	}
}

// details are what else the candidate says of its flag.
func details(c asmapi.Candidate) string {
	switch c.ForbiddenFlag {
	case asmapi.FlagOtherVPC:
		return ": " + asmapi.Clean(c.VpcID)
	case asmapi.FlagRanges:
		all, err := c.Conflicts()
		if err != nil || len(all) == 0 {
			return fmt.Sprintf("; ASM says %q", asmapi.Clean(c.ForbiddenInfo))
		}
		var ranges []string
		for _, conflict := range all {
			ranges = append(ranges, fmt.Sprintf("%s of %s %s", conflict.Object, conflict.Cluster, conflict.CIDR))
		}
		return ": " + asmapi.Clean(strings.Join(ranges, ", "))
	}
	return ""
}
