package peeringtest

import (
	"slices"
	"sync"

	rbacv1 "k8s.io/api/rbac/v1"

	"github.com/meshpeer/meshpeer/rbac"
)

// needs are the rights that istiods need, by what these depend on: all istiods of a mesh ask here.
type needs struct {
	mu  sync.Mutex
	all map[release]*wanted
}

type release struct{ version, revision string }

// wanted are the rights that an istiod needs in a cluster that it reads.
type wanted struct {
	everywhere, local []rbacv1.PolicyRule
	namespace         string // of local

	mu      sync.Mutex
	answers []coverage // the readers of a mesh have the same rules
}

// coverage is whether some rules, list by list, cover the local rights or the others.
type coverage struct {
	local bool
	held  [][]rbacv1.PolicyRule
	yes   bool
}

func (n *needs) of(r *replica) *wanted {
	k := release{r.Version, r.Revision}
	n.mu.Lock()
	defer n.mu.Unlock()
	if w := n.all[k]; w != nil {
		return w
	}
	minimal, err := rbac.Render(rbac.Options{Profile: rbac.Minimal, IstioVersion: r.Version, Revisions: []string{r.Revision}})
	if err != nil {
		minimal, _ = rbac.Render(rbac.Options{Profile: rbac.Minimal, Revisions: []string{r.Revision}}) // a tag that is no version
	}
	w := &wanted{everywhere: minimal.ClusterRole.Rules}
	if minimal.Role != nil {
		w.local, w.namespace = minimal.Role.Rules, minimal.Role.Namespace
	}
	n.all[k] = w
	return w
}

// covers says whether somebody holds all rights that are wanted.
func (s *Server) covers(who identity, w *wanted) bool {
	return s.has(who, w, false) && (w.local == nil || s.has(who, w, true))
}

func (s *Server) has(who identity, w *wanted, local bool) bool {
	want, namespace := w.everywhere, ""
	if local {
		want, namespace = w.local, w.namespace
	}
	var held [][]rbacv1.PolicyRule
	_ = s.eachGrant(who, namespace, func(rules []rbacv1.PolicyRule) { held = append(held, rules) })
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, a := range w.answers {
		if a.local == local && slices.EqualFunc(a.held, held, sameRules) {
			return a.yes
		}
	}
	yes := len(rbac.Missing(slices.Concat(held...), want)) == 0
	w.answers = append(w.answers, coverage{local, held, yes})
	return yes
}

func sameRules(a, b []rbacv1.PolicyRule) bool {
	return slices.EqualFunc(a, b, func(x, y rbacv1.PolicyRule) bool {
		return slices.Equal(x.Verbs, y.Verbs) && slices.Equal(x.APIGroups, y.APIGroups) && slices.Equal(x.Resources, y.Resources) &&
			slices.Equal(x.ResourceNames, y.ResourceNames) && slices.Equal(x.NonResourceURLs, y.NonResourceURLs)
	})
}
