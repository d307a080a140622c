package preflight

import (
	"context"
	"slices"
	"strings"

	securityapi "istio.io/api/security/v1beta1"
	securityv1 "istio.io/client-go/pkg/apis/security/v1"
)

// authorizationPolicy names policies of the server that a call from another cluster meets otherwise than a local one: the
// source address is the gateway's, and the trust domain may be another.
func authorizationPolicy(ctx context.Context, f *facts) []verdict {
	mesh := f.meshOf(f.to)
	all, err := f.authorizationPolicies(ctx)
	if err != nil {
		return one(unread(mesh.name, err))
	}
	labels, _, _ := f.serverLabels(ctx)
	root := f.root(ctx, f.to)
	domain, _, _ := f.domain(ctx, f.from)
	var found []verdict
	for _, p := range all {
		selector := p.Spec.GetSelector().GetMatchLabels()
		if p.Namespace != root && p.Namespace != f.Workload.Namespace || !within(selector, labels) || len(p.Spec.TargetRefs) > 0 {
			continue
		}
		if why := refuses(p, domain); why != "" {
			found = append(found, fail(mesh.object(p), "let it allow the callers of "+f.from.name, "%s", why))
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
		return "it goes by ipBlocks, and behind a gateway every call has the gateway's address"
	}
	if allow && domain != "" && len(principals) > 0 && !slices.ContainsFunc(principals, func(principal string) bool {
		return strings.HasPrefix(principal, "*") || strings.HasPrefix(principal, domain+"/") || strings.HasPrefix(principal, "cluster.local/")
	}) {
		return "none of its principals is of trust domain " + domain
	}
	return ""
}
