package rbactest

import (
	"fmt"
	"net/http"
	"strings"
	"sync"

	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/meshpeer/meshpeer/rbac"
)

// Enforcer decides the requests of a program under test as RBAC would: see
// [Enforce]. Goroutines may share it.
type Enforcer struct {
	tb       TB
	policy   *rbac.Policy
	subject  rbac.Subject
	everyone *rbac.Policy

	mu      sync.Mutex
	over    bool                 // the test is
	allowed map[rbac.Access]bool // by the policy, to the subject
	refused map[rbac.Access]bool
}

// Enforce holds a program to these rules while a test runs, as if they were bound to
// it by a ClusterRoleBinding:
//
//	enforced := rbactest.Enforce(t, role.Rules)
//	config.Wrap(enforced.Wrap) // a rest.Config
//	…                          // run the program
//	require.Empty(t, enforced.Unused())
//
// A request that RBAC would refuse is answered as an API server answers it, so that
// IsForbidden of k8s.io/apimachinery/pkg/api/errors is true. It also fails the test
// with the rule to add, once for each access. All others go on to whatever the
// program talks to: a fake server, envtest, or a real one as an administrator.
//
// What an API server lets every authenticated user do is allowed, such as discovery
// and access reviews of oneself (Kubernetes
// plugin/pkg/auth/authorizer/rbac/bootstrappolicy). A policy that has these roles,
// system:discovery and the like, speaks for itself.
//
// Enforce ends the test at rules that an API server would not store. Those that
// grant nothing are taken: the first failures then name the first rules to write.
func Enforce(tb TB, rules []rbacv1.PolicyRule) *Enforcer {
	tb.Helper()
	const name = "rbactest"
	meta := metav1.ObjectMeta{Name: name}
	policy, err := rbac.NewPolicy(
		&rbacv1.ClusterRole{ObjectMeta: meta, Rules: rules},
		&rbacv1.ClusterRoleBinding{
			ObjectMeta: meta, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: name},
			Subjects: []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: name}},
		})
	if err != nil {
		tb.Fatalf("rbactest: Enforce: %v", err)
	}
	return EnforcePolicy(tb, policy, rbac.Subject{User: name})
}

// EnforcePolicy is [Enforce] for what a policy grants a subject, in each namespace.
// Requests that the program makes as somebody else need the right to impersonate,
// and are then decided for that subject.
func EnforcePolicy(tb TB, policy *rbac.Policy, subject rbac.Subject) *Enforcer {
	tb.Helper()
	if policy == nil || subject.User == "" && len(subject.Groups) == 0 {
		tb.Fatalf("rbactest: EnforcePolicy needs a policy and a subject, such as rbac.ServiceAccount(\"shop\", \"cart\")")
		policy = &rbac.Policy{}
	}
	e := &Enforcer{
		tb: tb, policy: policy, subject: subject, everyone: everyone(tb, policy),
		allowed: map[rbac.Access]bool{}, refused: map[rbac.Access]bool{},
	}
	if test, ok := tb.(interface{ Cleanup(func()) }); ok {
		test.Cleanup(e.end) // a test that is over can fail no more
	}
	return e
}

func (e *Enforcer) end() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.over = true
}

// Wrap returns a transport that asks the Enforcer before next; a nil next is
// [http.DefaultTransport]. It fits rest.Config.Wrap and any http.Client.
func (e *Enforcer) Wrap(next http.RoundTripper) http.RoundTripper {
	if next == nil {
		next = http.DefaultTransport
	}
	return &enforced{e, next}
}

type enforced struct {
	*Enforcer
	next http.RoundTripper
}

// WrappedRoundTripper is how client-go finds what is behind (k8s.io/apimachinery pkg/util/net).
func (t *enforced) WrappedRoundTripper() http.RoundTripper { return t.next }

// RoundTrip implements http.RoundTripper.
func (t *enforced) RoundTrip(req *http.Request) (*http.Response, error) {
	asked, err := questions(req, t.subject)
	if err != nil {
		closeBody(req)
		return nil, err
	}
	for _, q := range asked {
		if !t.decide(q) {
			closeBody(req)
			return refusal(req, q)
		}
	}
	return t.next.RoundTrip(req)
}

// question is one thing that an API server asks its authorizer about a request.
type question struct {
	who    rbac.Subject
	access rbac.Access
	own    bool // the program asks in its own name
}

// decide answers a question, and fails the test the first time that the answer is no.
func (e *Enforcer) decide(q question) bool {
	if e.everyone.Allows(q.who, q.access).Allowed {
		return true
	}
	d := e.policy.Allows(q.who, q.access)
	e.mu.Lock()
	defer e.mu.Unlock()
	if d.Allowed {
		if q.own {
			e.allowed[q.access] = true
		}
		return true
	}
	if !e.refused[q.access] && !e.over {
		e.tb.Errorf("rbactest: RBAC refuses a request of the program: %s\nadd to the rules of a %s:\n%s\n%s",
			q.access, roleFor(q.access), ruleYAML(q.access), d.Reason)
	}
	e.refused[q.access] = true
	return false
}

func roleFor(a rbac.Access) string {
	if a.Namespace == "" {
		return "ClusterRole"
	}
	return fmt.Sprintf("ClusterRole, or of a Role in namespace %s", a.Namespace)
}

// ruleYAML is the narrowest rule for a, as it stands in a manifest.
func ruleYAML(a rbac.Access) string {
	text, err := yaml.Marshal([]rbacv1.PolicyRule{a.Rule()})
	if err != nil {
		return rbac.Describe(a.Rule())
	}
	return strings.TrimSpace(string(text))
}
