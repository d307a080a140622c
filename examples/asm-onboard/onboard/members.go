package onboard

import (
	"context"
	"errors"
	"fmt"

	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/peering/preflight"
	"github.com/meshpeer/meshpeer/probe"

	"github.com/meshpeer/meshpeer/examples/asm-onboard/asmapi"
)

// instance looks whether the mesh runs.
func (r *run) instance(ctx context.Context) error {
	detail, err := r.API.DescribeServiceMeshDetail(ctx, r.Mesh.Instance)
	if err != nil {
		return err
	}
	info := detail.ServiceMeshInfo
	r.result.Instance = asmapi.Clean(fmt.Sprintf("%s %s, %s %s in %s", r.Mesh.Instance, info.Name, info.Profile, info.Version, info.RegionID))
	if info.State != asmapi.StateRunning || info.ErrorMessage != "" {
		return &Error{
			Err:  fmt.Errorf("the instance is %q, with the message %q", asmapi.Clean(info.State), asmapi.Clean(info.ErrorMessage)),
			Hint: "see it in the ASM console, and run this again when it runs without a message",
		}
	}
	r.judgeVersion(info.Version)
	return nil
}

// judgeVersion: all fields of ASMMeshConfig need 1.24 (ASM: ASMMeshConfig CRD reference).
func (r *run) judgeVersion(version string) {
	var major, minor int
	if _, err := fmt.Sscanf(version, "v%d.%d", &major, &minor); err != nil {
		r.found("asm-version", preflight.Informs, probe.Unknown, r.Mesh.Instance,
			fmt.Sprintf("version %q cannot be read", asmapi.Clean(version)), "see that it is 1.24 or later")
	} else if major == 1 && minor < 24 {
		r.found("asm-version", preflight.Warns, probe.Warned, r.Mesh.Instance,
			fmt.Sprintf("the instance is %s: ASMMeshConfig needs 1.24", asmapi.Clean(version)), "upgrade it")
	}
}

func (r *run) found(id string, severity preflight.Severity, status probe.Status, subject, evidence, remedy string) {
	r.result.Findings = append(r.result.Findings, preflight.Finding{
		Schema: preflight.FindingSchema, ID: id, Severity: severity, Status: status, Subject: subject, Evidence: evidence, Remedy: remedy,
	})
	r.Log.Warn("finding", "check", id, "status", status, "on", subject, "evidence", evidence, "remedy", remedy)
}

// blocked says whether findings forbid to go on.
func (r *run) blocked() error {
	for _, f := range r.result.Findings {
		if f.Severity == preflight.Blocks && f.Status != probe.Passed && f.Status != probe.Warned {
			return ErrForbidden
		}
	}
	return nil
}

// members are those of the wanted clusters that have been added.
func (r *run) members(ctx context.Context) error {
	all, err := r.API.DescribeClustersInServiceMesh(ctx, r.Mesh.Instance)
	for _, m := range all {
		for _, wanted := range r.Mesh.Clusters {
			if wanted.ID.String() == m.ClusterID {
				r.joined[wanted.ID] = true
			}
		}
	}
	return err
}

// missing are the wanted clusters that have not been added.
func (r *run) missing() (all []Member) {
	for _, m := range r.Mesh.Clusters {
		if !r.joined[m.ID] {
			all = append(all, m)
		}
	}
	return all
}

// each goes through the wanted clusters, and says at which one it failed.
func each(members []Member, do func(Member) error) error {
	for _, m := range members {
		if err := do(m); err != nil {
			return of(m.ID, err)
		}
	}
	return nil
}

func of(id peering.ID, err error) error {
	if e, ok := errors.AsType[*Error](err); ok {
		e.Cluster = id.String()
		return e
	}
	return &Error{Cluster: id.String(), Err: err, Hint: hint(err)}
}
