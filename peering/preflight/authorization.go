package preflight

import (
	"context"
	"maps"
	"slices"
	"strings"

	securityapi "istio.io/api/security/v1beta1"
	securityv1 "istio.io/client-go/pkg/apis/security/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/meshpeer/meshpeer/probe"
)

type mtlsMode = securityapi.PeerAuthentication_MutualTLS_Mode

// peerAuthentication: DISABLE on the server's port, as either mesh configuration has it, takes the endpoint out of what
// clients in another network get. From's istiod decides what it sends, To's what the server accepts.
func peerAuthentication(ctx context.Context, f *facts) []verdict {
	labels, ports, unseen := f.serverLabels(ctx)
	var found []verdict
	for _, s := range []*server{f.from, f.to} {
		mesh := f.meshOf(ctx, s)
		all, err := f.peerAuthentications(ctx, s)
		if err != nil {
			found = append(found, unread(mesh.name, err))
			continue
		}
		v := pass(mesh.name, "mutual TLS is not disabled for the service")
		if by := disabledBy(all, f.root(ctx, s), f.Workload.Namespace, labels, ports); by != nil {
			v = fail(mesh.object(by), "set PERMISSIVE or STRICT", "it disables mutual TLS for the service: its endpoints are left out")
		}
		switch {
		case v.status != probe.Passed || unseen == nil || !anyDisables(all, f.Workload.Namespace):
		case unseen.status == "":
			v = unknown(mesh.name, "start its Pods", "it is not known to which port of the Pods the Service leads, and a policy disables mutual TLS for one")
		default:
			v = *unseen
		}
		found = append(found, v)
		if mesh != s {
			break // one mesh configuration for both
		}
	}
	return found
}

// root is the namespace of mesh-wide policies.
func (f *facts) root(ctx context.Context, s *server) string {
	if m, err := s.mesh(ctx); err == nil {
		return m.root(s)
	}
	return s.Namespace
}

// serverLabels are those of the server's Pods and the ports they listen on. Without a Pod they are guessed from the Service.
// The verdict is not nil where that leaves something open.
func (f *facts) serverLabels(ctx context.Context) (labels map[string]string, ports []uint32, unseen *verdict) {
	svc, err := f.service(ctx, f.to)
	if err != nil {
		v := unread(f.to.name, err)
		return nil, nil, &v
	}
	labels = svc.Spec.Selector
	pods, _ := f.serverPods(ctx)
	if len(pods) > 0 {
		labels = pods[0].Labels
	}
	for _, p := range svc.Spec.Ports {
		if f.Workload.Port == 0 || f.Workload.Port == p.Port {
			port, known := targetPort(p, pods)
			if !known {
				unseen = &verdict{}
			}
			ports = append(ports, port)
		}
	}
	return labels, ports, unseen
}

// targetPort is the port of the Pods. The number of a named one is known only from a Pod.
func targetPort(p corev1.ServicePort, pods []*corev1.Pod) (port uint32, known bool) {
	if n := p.TargetPort.IntValue(); n != 0 {
		return uint32(n), true
	}
	for _, pod := range pods {
		for _, c := range pod.Spec.Containers {
			for _, port := range c.Ports {
				if port.Name == p.TargetPort.StrVal && port.Name != "" {
					return uint32(port.ContainerPort), true
				}
			}
		}
	}
	return uint32(p.Port), p.TargetPort.StrVal == ""
}

// anyDisables says whether a policy of the namespace disables mutual TLS for some of its workloads or ports.
func anyDisables(all []*securityv1.PeerAuthentication, namespace string) bool {
	return slices.ContainsFunc(all, func(p *securityv1.PeerAuthentication) bool {
		modes := slices.Collect(maps.Values(p.Spec.GetPortLevelMtls()))
		return p.Namespace == namespace && slices.ContainsFunc(append(modes, p.Spec.GetMtls()), func(m *securityapi.PeerAuthentication_MutualTLS) bool {
			return m.GetMode() == securityapi.PeerAuthentication_MutualTLS_DISABLE
		})
	})
}

// disabledBy is the policy under which one of the ports has mode DISABLE. Policies are merged as istiod does: of mesh,
// namespace and workload, the oldest of each; the more specific one counts unless it is UNSET, and modes of ports only in
// one with a selector (Istio pilot/pkg/security/authn/policy_applier.go).
func disabledBy(all []*securityv1.PeerAuthentication, root, namespace string, labels map[string]string, ports []uint32) *securityv1.PeerAuthentication {
	var mesh, ns, workload *securityv1.PeerAuthentication
	older := func(level **securityv1.PeerAuthentication, p *securityv1.PeerAuthentication) {
		if *level == nil || p.CreationTimestamp.Before(&(*level).CreationTimestamp) {
			*level = p
		}
	}
	for _, p := range all {
		selector := p.Spec.GetSelector().GetMatchLabels()
		switch {
		case len(selector) == 0 && p.Namespace == root:
			older(&mesh, p)
		case p.Namespace != namespace || p.Namespace == root:
		case len(selector) == 0:
			older(&ns, p)
		case within(selector, labels):
			older(&workload, p)
		}
	}
	var mode mtlsMode
	var by *securityv1.PeerAuthentication
	for _, p := range []*securityv1.PeerAuthentication{mesh, ns, workload} {
		if p != nil && p.Spec.GetMtls().GetMode() != securityapi.PeerAuthentication_MutualTLS_UNSET {
			mode, by = p.Spec.GetMtls().GetMode(), p
		}
	}
	for _, port := range append([]uint32{0}, ports...)[min(1, len(ports)):] { // port 0 stands for a server that could not be read
		m, who := mode, by
		if workload != nil {
			if own := workload.Spec.GetPortLevelMtls()[port].GetMode(); own != securityapi.PeerAuthentication_MutualTLS_UNSET {
				m, who = own, workload
			}
		}
		if m == securityapi.PeerAuthentication_MutualTLS_DISABLE {
			return who
		}
	}
	return nil
}

// authorizationPolicy names policies of the server that treat a call from another cluster differently from a local one: its
// source address is the gateway's, and its trust domain may be another.
func authorizationPolicy(ctx context.Context, f *facts) []verdict {
	mesh := f.meshOf(ctx, f.to)
	all, err := f.authorizationPolicies(ctx)
	if err != nil {
		return one(unread(mesh.name, err))
	}
	labels, _, _ := f.serverLabels(ctx)
	root := f.root(ctx, f.to)
	caller, _ := f.trusted(ctx, f.from)
	var found []verdict
	for _, p := range all {
		selector := p.Spec.GetSelector().GetMatchLabels()
		if p.Namespace != root && p.Namespace != f.Workload.Namespace || !within(selector, labels) || len(p.Spec.TargetRefs) > 0 {
			continue
		}
		if why := refuses(p, caller.domain); why != "" {
			found = append(found, fail(mesh.object(p), "make sure that it allows the callers of "+f.from.name, "%s", why))
		}
	}
	return or(found, pass(mesh.name, "no AuthorizationPolicy of the service depends on addresses or another trust domain"))
}

// refuses says why a policy may refuse calls from another cluster; "" if nothing in it tells clusters apart.
func refuses(p *securityv1.AuthorizationPolicy, domain string) string {
	allow := p.Spec.Action == securityapi.AuthorizationPolicy_ALLOW
	if !allow && p.Spec.Action != securityapi.AuthorizationPolicy_DENY {
		return ""
	}
	if allow && len(p.Spec.Rules) == 0 {
		return "it allows nothing"
	}
	var blocks bool
	var principals []string
	for _, r := range p.Spec.Rules {
		if !allow && len(r.From) == 0 && len(r.To) == 0 && len(r.When) == 0 {
			return "it denies everything"
		}
		for _, from := range r.From {
			blocks = blocks || len(from.GetSource().GetIpBlocks())+len(from.GetSource().GetNotIpBlocks()) > 0
			principals = append(principals, from.GetSource().GetPrincipals()...)
		}
	}
	if blocks {
		return "it decides by ipBlocks, and behind a gateway every call has the gateway's address"
	}
	if allow && domain != "" && len(principals) > 0 && !slices.ContainsFunc(principals, func(principal string) bool {
		return strings.HasPrefix(principal, "*") || strings.HasPrefix(principal, domain+"/") || strings.HasPrefix(principal, "cluster.local/")
	}) {
		return "none of its principals is in trust domain " + domain
	}
	return ""
}
