package peeringtest

import (
	"context"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshpeer/meshpeer/internal/kube"
	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/secrets"
)

// Server is an API server in memory with its token controller. It is a peering.Objects with the rights of an administrator
// and safe for concurrent use.
type Server struct {
	// Before, if set, is asked before each call; an error is the answer, nothing is done, and the call is not listed. After is
	// asked once the call has taken effect: its error is a reply that was lost on the way. Set them before the calls that
	// they are for. [Server.Inject] says the same in one line where only the number of the call counts.
	Before, After func(Call) error
	// NoTokenController leaves token Secrets unfilled, as a cluster without kube-controller-manager does.
	NoTokenController bool
	// TokenDelay is how long the token controller lets a token Secret wait. Default: it is filled with the create.
	TokenDelay time.Duration
	// MaxTokenLife is the longest life that a TokenRequest is granted, as --service-account-max-token-expiration is. Default: what
	// was asked for.
	MaxTokenLife time.Duration
	// RulesIncomplete makes SelfSubjectRulesReviews say that rules may be missing, as an API server does whose authorizer
	// cannot list them, a webhook for example; the text is their EvaluationError.
	RulesIncomplete string
	// CountChecks makes the requests of preflight ordinary ones: listed, and made to fail like others.
	CountChecks bool

	endpoint  secrets.Endpoint
	now       func() time.Time
	id        string // of the member
	number    int    // of the member, from 0
	addresses int    // of pods, given so far
	answers   map[string]int

	bootstrap map[string][]rbacv1.PolicyRule // of user groups

	outage outage
	faults faults

	mu    sync.Mutex
	store store
	calls []Call
}

// Call is one request to a Server, or a command in one of its pods.
type Call struct {
	Verb, Kind, Namespace, Name string
	// TookEffect says that the server did what was asked, whatever the caller heard of it. False in Before.
	TookEffect bool
	// Err is what the caller got; nil is the server's answer.
	Err error
}

// Write says whether the call is one that changes a stored object; reviews and token requests do not.
func (c Call) Write() bool {
	return (c.Verb == "create" || c.Verb == "update" || c.Verb == "delete") && !isReview(c.Kind) && c.Kind != "TokenRequest"
}

func newServer(endpoint secrets.Endpoint, now func() time.Time) *Server {
	s := &Server{endpoint: endpoint, now: now, answers: map[string]int{}, bootstrap: bootstrapRules()}
	s.store.objects, s.store.groups = map[id]peering.Object{}, map[group][]peering.Object{}
	s.store.now, s.store.watchers, s.store.written = now, map[id]map[*watcher]struct{}{}, map[id]time.Time{}
	for _, name := range []string{metav1.NamespaceSystem, "istio-system"} {
		s.store.put(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name, UID: newUID()}})
	}
	s.store.put(&corev1.Service{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Service"},
		ObjectMeta: metav1.ObjectMeta{Namespace: metav1.NamespaceDefault, Name: "kubernetes", UID: newUID()},
	})
	s.store.put(&discoveryv1.EndpointSlice{
		TypeMeta: metav1.TypeMeta{APIVersion: discoveryv1.SchemeGroupVersion.String(), Kind: "EndpointSlice"},
		ObjectMeta: metav1.ObjectMeta{
			Namespace: metav1.NamespaceDefault, Name: "kubernetes", UID: newUID(), Labels: map[string]string{discoveryv1.LabelServiceName: "kubernetes"},
		},
		Endpoints: []discoveryv1.Endpoint{{Addresses: []string{"10.0.0.1"}}},
	})
	return s
}

// Calls are all requests so far that reached the server or were lost to an injected [Fault], in order of their answers.
func (s *Server) Calls() []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Call(nil), s.calls...)
}

// ForgetCalls empties the list of Calls, for a test that counts those of one step.
func (s *Server) ForgetCalls() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = nil
}

// call records a request, lets it fail as the test wants, and does it under the lock.
func (s *Server) call(ctx context.Context, verb string, o peering.Object, do func() error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	c := Call{Verb: verb, Kind: kube.Kind(o), Namespace: o.GetNamespace(), Name: o.GetName()}
	if s.Before != nil {
		if err := s.Before(c); err != nil {
			return err
		}
	}
	fault := s.faults.next(verb, o)
	err := s.outage.pass(ctx, fault.delay)
	if err == nil && !fault.lost {
		err = fault.answer(c)
	}
	s.mu.Lock()
	if err == nil {
		err = do()
		c.TookEffect = err == nil
		if fault.lost {
			err = fault.answer(c)
		}
	}
	c.Err = err
	s.calls = append(s.calls, c)
	s.mu.Unlock()
	if err == nil && s.After != nil {
		err = s.After(c)
	}
	return err
}
