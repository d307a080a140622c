//go:build linux

package clusters

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"

	"github.com/meshpeer/meshpeer/internal/lab/build"
	"github.com/meshpeer/meshpeer/internal/lab/enter"
)

// Revision is a control plane of a cluster beside its default one, as Istio's canary upgrades have it: it injects in
// namespaces and for Pods with the label istio.io/rev, and reads the same remote secrets.
type Revision struct {
	// Name is the value of the label istio.io/rev: a DNS label, and not "default".
	Name string
	// Istio is its version, as in ClusterOptions.
	Istio string
	// Istiods is the number of replicas; zero means one. They are named istiod-<Name>-1 and so on.
	Istiods int
}

// defaultRevision is the name that istiod has without one.
const defaultRevision = "default"

var revisionName = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]{0,30}[a-z0-9])?$`)

// check says which revision cannot be, as an option of the n-th cluster.
func (o ClusterOptions) checkRevisions(n int) error {
	if _, err := build.FindRelease(o.Istio); err != nil {
		return fmt.Errorf("lab: Clusters[%d].Istio: %w", n, err)
	}
	seen, istiods := map[string]bool{defaultRevision: true}, max(1, o.Istiods)
	for i, r := range o.Revisions {
		field := fmt.Sprintf("lab: Clusters[%d].Revisions[%d]", n, i)
		switch _, err := build.FindRelease(r.Istio); {
		case err != nil:
			return fmt.Errorf("%s.Istio: %w", field, err)
		case !revisionName.MatchString(r.Name) || seen[r.Name]:
			return fmt.Errorf("%s.Name %q: must be a DNS label of at most 32 characters, used once, and not %q", field, r.Name, defaultRevision)
		case o.Hosted || o.NoIstiod || o.Topology.ServedBy != "":
			return fmt.Errorf("%s: a cluster that is Hosted, or has NoIstiod or Topology.ServedBy, has no further revisions", field)
		}
		seen[r.Name] = true
		if istiods += max(1, r.Istiods); r.Istiods < 0 || istiods > maxIstiods {
			return fmt.Errorf("%s.Istiods %d: must not be negative, and a cluster has at most %d", field, r.Istiods, maxIstiods)
		}
	}
	return nil
}

// revision is a control plane of the cluster.
type revision struct {
	name      string
	istio     enter.Installed
	istiods   []*Istiod
	injection *injection
}

// suffix ends the names of what Istio's chart makes once for each revision.
func (r *revision) suffix() string {
	if r.name == defaultRevision {
		return ""
	}
	return "-" + r.name
}

// newRevisions writes the files of all istiods.
func (c *Cluster) newRevisions() error {
	if c.options.NoIstiod {
		return nil
	}
	all := append([]Revision{{Name: defaultRevision, Istio: c.options.Istio, Istiods: c.options.Istiods}}, c.options.Revisions...)
	for _, o := range all {
		istio, err := c.lab.home.Istio(o.Istio)
		if err != nil {
			return fmt.Errorf("lab: %s: %w", c.ID, err)
		}
		r := &revision{name: o.Name, istio: istio}
		c.revisions = append(c.revisions, r)
		replicas := max(1, o.Istiods)
		if c.options.Topology.ServedBy != "" {
			replicas = 0
		}
		for n := range replicas {
			istiod, err := c.newIstiod(r, n+1)
			if err != nil {
				return err
			}
			r.istiods, c.Istiods = append(r.istiods, istiod), append(c.Istiods, istiod)
		}
	}
	return nil
}

// newest is the newest Istio of the cluster's revisions, whose custom resources all of them understand: an upgrade begins
// with those.
func (c *Cluster) newest() enter.Installed {
	at := func(r *revision) int {
		return slices.IndexFunc(build.Releases(), func(known build.Release) bool { return known.Name == r.istio.Name })
	}
	return slices.MaxFunc(c.revisions, func(a, b *revision) int { return at(a) - at(b) }).istio
}

// RemoveRevision ends a control plane, as istioctl uninstall --revision does: its istiods stop, and their Pods, Service and
// webhook go.
func (c *Cluster) RemoveRevision(ctx context.Context, name string) error {
	at := slices.IndexFunc(c.revisions, func(r *revision) bool { return r.name == name })
	if at < 0 {
		return fmt.Errorf("lab: %s has no revision %q", c.ID, name)
	}
	r := c.revisions[at]
	paths := []string{
		"/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/istio-sidecar-injector" + r.suffix(),
		"/api/v1/namespaces/" + istioSystem + "/services/istiod" + r.suffix(),
	}
	if r.injection == nil {
		paths = nil
	}
	var errs []error
	for _, i := range r.istiods {
		errs = append(errs, i.Remove(ctx))
	}
	for _, path := range paths {
		errs = append(errs, c.api.do(ctx, "DELETE", path, "", nil, nil))
	}
	c.revisions = slices.Delete(c.revisions, at, at+1)
	c.Istiods = slices.DeleteFunc(c.Istiods, func(i *Istiod) bool { return i.revision == r })
	return errors.Join(errs...)
}
