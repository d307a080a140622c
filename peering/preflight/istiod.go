package preflight

import (
	"context"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"sigs.k8s.io/yaml"

	"github.com/meshpeer/meshpeer/internal/istio"
	"github.com/meshpeer/meshpeer/probe"
	"github.com/meshpeer/meshpeer/rbac"
)

// istiodPresent looks for the control plane in the namespace that the Secret goes to.
func istiodPresent(ctx context.Context, f *facts) []verdict {
	istiods, err := f.from.findIstiods(ctx)
	if err != nil {
		return one(unread(f.from.name, err))
	}
	if by, _ := f.controlPlanes(ctx, f.from); len(istiods.Running) == 0 && len(by) > 0 {
		return one(fail(f.from.name, "set Hosted for it (ConnectOptions), and peer the cluster of that istiod with "+f.to.name,
			"it has no istiod of its own: its proxies are served by that of %s, which reads no remote secrets here", strings.Join(by, ", ")))
	}
	if len(istiods.Running) == 0 {
		seen, remedy := istiods.Missing(f.from.Namespace)
		return one(f.missing(f.from.name, remedy, "%s", seen))
	}
	var found []verdict
	ready := 0
	for _, pod := range istiods.Running {
		if isReady(pod) {
			ready++
			continue
		}
		found = append(found, fail(f.from.object(pod), "look at its events and log: each replica reads remote secrets for itself", "it is not ready").as(Warns))
	}
	for _, pod := range istiods.Like {
		found = append(found, fail(f.from.object(pod), "give a selector (IstiodSelector) that picks every istiod of the namespace: each one reads remote secrets",
			"%s, and is left out by the selector of istiods", istio.Like(pod)).as(Warns))
	}
	if ready == 0 {
		return append(one(fail(f.from.name, "look at their events and logs", "none of %d istiods is ready", len(istiods.Running))), found...)
	}
	return append(one(pass(f.from.name, "%d of %d istiods are ready", ready, len(istiods.Running))), found...)
}

// missing is a failure upstream, and unknown under ASM, where the thing may have another name.
func (f *facts) missing(subject, remedy, evidence string, args ...any) verdict {
	if f.Flavour == Upstream {
		return fail(subject, remedy, evidence, args...)
	}
	return unknown(subject, remedy+"; ASM may give it another name", evidence, args...)
}

func isReady(pod *corev1.Pod) bool {
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodReady {
			return c.Status == corev1.ConditionTrue
		}
	}
	return false
}

// istiodReadsSecrets: with a directory of kubeconfigs istiod looks at no Secret, from 1.30 on.
func istiodReadsSecrets(ctx context.Context, f *facts) []verdict {
	return f.istiodSetting(ctx, "PILOT_MULTICLUSTER_KUBECONFIG_PATH", func(value string) bool { return value != "" },
		"write the kubeconfig into that directory, or unset the variable", "it reads kubeconfigs from %s=%s and no Secret")
}

// istiodReadsCredentials: without its credentials controller istiod 1.31 panics at the first remote secret, as seen on a
// running one (Istio pilot/pkg/credentials/kube/multicluster.go).
func istiodReadsCredentials(ctx context.Context, f *facts) []verdict {
	return f.istiodSetting(ctx, remoteCredentials, func(value string) bool { return value == "false" },
		"unset it before a remote secret exists", "with %s=%s it panics as soon as there is a remote secret")
}

const remoteCredentials = "PILOT_ENABLE_REMOTE_CREDENTIALS_CONTROLLER"

// istiodSetting looks at a variable of every istiod. One that takes it from elsewhere, such as a ConfigMap, is Unknown.
func (f *facts) istiodSetting(ctx context.Context, name string, bad func(string) bool, remedy, evidence string) []verdict {
	istiods, err := f.from.findIstiods(ctx)
	if err != nil {
		return one(unread(f.from.name, err))
	}
	if len(istiods.Running) == 0 {
		seen, remedy := istiods.Missing(f.from.Namespace)
		return one(unknown(f.from.name, remedy, "%s", seen))
	}
	var found []verdict
	for _, pod := range istiods.Running {
		c := istio.Container(pod)
		switch value := env(c, name); {
		case c == nil:
			found = append(found, unknown(f.from.object(pod), "see which container of it is istiod", "none of its containers is named discovery or runs the image pilot"))
		case takenFrom(c, name):
			found = append(found, unknown(f.from.object(pod), "look up the value at its source", "%s comes from elsewhere than the Pod", name))
		case bad(value):
			found = append(found, fail(f.from.object(pod), remedy, evidence, name, value))
		}
	}
	return or(found, pass(f.from.name, "%s does not affect any of %d istiods", name, len(istiods.Running)))
}

// istiodRevisions: several istiods of one namespace read the same remote secrets, each with the mesh configuration of its
// revision. The other checks go by that of the first.
func istiodRevisions(ctx context.Context, f *facts) []verdict {
	istiods, err := f.from.findIstiods(ctx)
	if err != nil {
		return one(unread(f.from.name, err))
	}
	if len(istiods.Running) == 0 {
		seen, remedy := istiods.Missing(f.from.Namespace)
		return one(unknown(f.from.name, remedy, "%s", seen))
	}
	revisions, err := f.from.revisions(ctx)
	if err != nil {
		return one(unread(f.from.name, err))
	}
	if len(revisions) == 1 {
		return one(pass(f.from.name, "its istiods have one revision, %s", revisionName(revisions[0])))
	}
	first, err := f.from.meshOfRevision(ctx, revisions[0])
	if err != nil {
		return one(unread(f.from.thing(kindConfigMap.name, f.from.Namespace, istio.MeshConfig(revisions[0])), err))
	}
	var found []verdict
	for _, revision := range revisions[1:] {
		subject := f.from.thing(kindConfigMap.name, f.from.Namespace, istio.MeshConfig(revision))
		other, err := f.from.meshOfRevision(ctx, revision)
		if err != nil {
			found = append(found, unread(subject, err))
			continue
		}
		if fields := differing(first, other); len(fields) > 0 {
			found = append(found, fail(subject, "give both revisions the same mesh configuration, or run the checks once for each, with its selector (IstiodSelector)",
				"revisions %s and %s differ in %s: the other checks use the first", revisionName(revisions[0]), revisionName(revision), strings.Join(fields, ", ")))
		}
	}
	return or(found, pass(f.from.name, "its %d revisions agree in what peering depends on", len(revisions)))
}

func revisionName(revision string) string {
	if revision == "" {
		return "default"
	}
	return revision
}

// differing are the fields of two mesh configurations that checks go by and that are not the same.
func differing(a, b *mesh) []string {
	var fields []string
	for name, of := range map[string]func(*mesh) any{
		"trustDomain":            func(m *mesh) any { return m.GetTrustDomain() },
		"trustDomainAliases":     func(m *mesh) any { return m.GetTrustDomainAliases() },
		"rootNamespace":          func(m *mesh) any { return m.GetRootNamespace() },
		"discoverySelectors":     func(m *mesh) any { return m.GetDiscoverySelectors() },
		"serviceSettings":        func(m *mesh) any { return m.GetServiceSettings() },
		"defaultServiceExportTo": func(m *mesh) any { return m.GetDefaultServiceExportTo() },
		"localityLbSetting":      func(m *mesh) any { return m.GetLocalityLbSetting() },
		"meshNetworks":           func(m *mesh) any { return m.networks.GetNetworks() },
	} {
		one, _ := yaml.Marshal(of(a))
		two, _ := yaml.Marshal(of(b))
		if string(one) != string(two) {
			fields = append(fields, name)
		}
	}
	slices.Sort(fields)
	return fields
}

// controlPlanes are the clusters whose istiods serve a side's proxies, by the annotation of its system namespace, which they
// go by themselves where they run with EXTERNAL_ISTIOD=true (Istio
// pilot/pkg/serviceregistry/kube/controller/multicluster.go, checkShouldLead). "*" is every one of them.
func (f *facts) controlPlanes(ctx context.Context, s *server) ([]string, error) {
	ns, err := get(ctx, s, kindNamespace, "", f.from.Namespace)
	if err != nil && !absent(err) || ns == nil {
		return nil, err
	}
	named := ns.Annotations[controlPlaneClusters]
	return strings.FieldsFunc(named, func(r rune) bool { return r == ',' }), nil
}

const (
	controlPlaneClusters = "topology.istio.io/controlPlaneClusters"
	externalIstiod       = "EXTERNAL_ISTIOD"
)

// served says whether From's istiods serve To's proxies: until they read To, nothing with a proxy runs there.
func (f *facts) served(ctx context.Context) bool {
	by, err := f.controlPlanes(ctx, f.to)
	return err == nil && (slices.Contains(by, f.From.ID) || slices.Contains(by, "*"))
}

// rightsToServe are what an istiod needs in a cluster whose proxies it serves, beyond what it reads of every other one.
var rightsToServe = []rbacv1.PolicyRule{
	{APIGroups: []string{""}, Resources: []string{"configmaps"}, Verbs: []string{"create", "get", "list", "watch", "update"}},
	{APIGroups: []string{"admissionregistration.k8s.io"}, Resources: []string{"mutatingwebhookconfigurations"}, Verbs: []string{"get", "list", "watch", "update"}},
	{APIGroups: []string{"authentication.k8s.io"}, Resources: []string{"tokenreviews"}, Verbs: []string{"create"}},
	{APIGroups: []string{"authorization.k8s.io"}, Resources: []string{"subjectaccessreviews"}, Verbs: []string{"create"}},
}

// servedCluster looks at what From's istiod needs to serve To's proxies: the rights, and that it knows of it.
func servedCluster(ctx context.Context, f *facts) []verdict {
	if by, err := f.controlPlanes(ctx, f.to); err != nil {
		return one(unread(f.to.name, err))
	} else if !f.served(ctx) {
		return one(pass(f.to.name, "the istiod of %s need not serve it: namespace %s names %q as control planes", f.from.name, f.from.Namespace, by))
	}
	var found []verdict
	lacking := rbac.Missing(f.Rules, rightsToServe)
	var what []string
	for _, r := range lacking {
		what = append(what, strings.Join(r.Verbs, ",")+" "+strings.Join(r.Resources, ","))
	}
	const remedy = "use profile remote-control-plane (Peering.Reader)"
	switch {
	case len(f.Rules) == 0:
		found = append(found, unknown(f.to.name, "make sure that the account has the rules of profile remote-control-plane", "it is served by the istiod of %s, and the role of the account is not known here", f.from.name))
	case len(lacking) > 0:
		found = append(found, fail(f.to.name, remedy, "it is served by the istiod of %s, and the role lacks what that takes: %s", f.from.name, strings.Join(what, "; ")))
	}
	for _, v := range f.istiodSetting(ctx, externalIstiod, func(value string) bool { return value != "true" },
		"set "+externalIstiod+"=true (chart value global.externalIstiod)", "with %s=%q it gives "+f.to.name+" neither root certificate nor a signed webhook") {
		if v.status != probe.Passed {
			found = append(found, v.as(Warns)) // somebody else may write both
		}
	}
	return or(found, pass(f.to.name, "the istiod of %s may serve it", f.from.name))
}
