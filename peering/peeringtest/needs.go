package peeringtest

import (
	"strings"
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
	answers map[string]bool // by the rules that somebody has: the readers of a mesh have the same ones
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
	w := &wanted{everywhere: minimal.ClusterRole.Rules, answers: map[string]bool{}}
	if minimal.Role != nil {
		w.local, w.namespace = minimal.Role.Rules, minimal.Role.Namespace
	}
	n.all[k] = w
	return w
}

// covers says whether somebody holds all rights that are wanted.
func (s *Server) covers(who identity, w *wanted) bool {
	return s.has(who, w, w.everywhere, "") && (w.local == nil || s.has(who, w, w.local, w.namespace))
}

func (s *Server) has(who identity, w *wanted, want []rbacv1.PolicyRule, namespace string) bool {
	var text strings.Builder
	text.WriteString(namespace)
	_ = s.eachGrant(who, namespace, func(rules []rbacv1.PolicyRule) {
		for _, r := range rules {
			for _, list := range [][]string{r.Verbs, r.APIGroups, r.Resources, r.ResourceNames, r.NonResourceURLs} {
				for _, v := range list {
					text.WriteString(v)
					text.WriteByte(0)
				}
				text.WriteByte(1)
			}
		}
	})
	w.mu.Lock()
	defer w.mu.Unlock()
	answer, known := w.answers[text.String()]
	if !known {
		rules, _ := s.rules(who, namespace)
		answer = len(rbac.Missing(rules, want)) == 0
		w.answers[text.String()] = answer
	}
	return answer
}
