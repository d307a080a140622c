//go:build linux

package e2e_test

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/meshpeer/meshpeer/internal/lab"
	"github.com/meshpeer/meshpeer/rbac"
	"github.com/meshpeer/meshpeer/rbac/rbactest"
)

const (
	policies      = 40
	questionsEach = 150
)

// TestPoliciesAgreeWithTheAPIServer creates roles and bindings of every kind on an API server, among those that it brings
// itself, and asks it 6 000 questions. A Policy must answer all of them alike: the one of the manifests, aggregated by rbac,
// and the one loaded from what the API server then holds, aggregated by the controller.
func TestPoliciesAgreeWithTheAPIServer(t *testing.T) {
	w := start(t, lab.ClusterOptions{ID: "policies", NoIstiod: true})
	config := rest.CopyConfig(w.Clusters[0].Config)
	config.QPS = -1
	cs, err := kubernetes.NewForConfig(config)
	require.NoError(t, err)

	begin := time.Now()
	var objects []runtime.Object
	var asked []question
	for i := range policies {
		m := maker{rand.New(rand.NewPCG(uint64(i), 3)), fmt.Sprintf("p%d", i)}
		made := m.objects()
		objects = append(objects, made...)
		for range questionsEach {
			asked = append(asked, m.question(made))
		}
	}
	before, err := rbac.Load(held(t, cs)...)
	require.NoError(t, err)
	manifests, err := before.With(objects...)
	require.NoError(t, err)
	for i := range policies {
		for _, namespace := range []string{"n", "m"} {
			meta := metav1.ObjectMeta{Name: fmt.Sprintf("p%d-%s", i, namespace)}
			_, err := cs.CoreV1().Namespaces().Create(t.Context(), &corev1.Namespace{ObjectMeta: meta}, metav1.CreateOptions{})
			require.NoError(t, err)
		}
	}
	require.NoError(t, each(objects, func(o runtime.Object) error { return store(t.Context(), cs, o) }))
	settled(t, cs, objects)
	after, err := rbac.Load(held(t, cs)...)
	require.NoError(t, err)
	require.Len(t, after.Objects(), len(manifests.Objects()))
	t.Logf("%d objects after %s", len(objects), time.Since(begin).Round(time.Second))

	allowed, byRoleBinding := 0, 0
	for _, q := range asked {
		d := manifests.Allows(q.subject, q.access)
		require.Equal(t, d.Allowed, after.Allows(q.subject, q.access).Allowed, "%s: %s: what was loaded from the API server says otherwise", q.subject, q.access)
		if d.Allowed {
			allowed++
		}
		if d.Binding.Kind == "RoleBinding" {
			byRoleBinding++
		}
	}
	require.NoError(t, each(asked, func(q question) error { return agree(t.Context(), cs, manifests, q) }))
	t.Logf("%d of %d questions allowed, %d by RoleBindings; all alike after %s", allowed, len(asked), byRoleBinding, time.Since(begin).Round(time.Second))
	require.Greater(t, allowed, len(asked)/20)
	require.Less(t, allowed, len(asked)*3/4)
	require.Greater(t, byRoleBinding, len(asked)/20)

	// The table of a test asks the same API server.
	table := rbactest.Matrix{
		Subjects: map[string]rbac.Subject{"admin": {Groups: []string{"system:masters"}}, "everybody": {Groups: []string{"system:authenticated"}}},
		Rows:     []rbactest.Row{{Access: "delete nodes", Allowed: "admin", Denied: "everybody"}, {Access: "get /healthz", Allowed: "admin everybody"}},
	}
	table.Check(t, after)
	table.Live(t.Context(), t, cs.AuthorizationV1().SubjectAccessReviews())
}

// agree asks the API server. It sees new objects a moment after they are stored: what differs is asked again.
func agree(ctx context.Context, cs *kubernetes.Clientset, p *rbac.Policy, q question) error {
	want := p.Allows(q.subject, q.access)
	for begin := time.Now(); ; {
		review := &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{
			User: q.subject.User, Groups: q.subject.AllGroups(), ResourceAttributes: q.access.ResourceAttributes(), NonResourceAttributes: q.access.NonResourceAttributes(),
		}}
		got, err := cs.AuthorizationV1().SubjectAccessReviews().Create(ctx, review, metav1.CreateOptions{})
		switch {
		case err != nil:
			return err
		case got.Status.Allowed == want.Allowed:
			return nil
		case time.Since(begin) > patience/3:
			return fmt.Errorf("%s: %+v: the policy says %t (%s), the API server %t (%s)", q.subject, q.access, want.Allowed, want.Reason, got.Status.Allowed, got.Status.Reason)
		}
		time.Sleep(tick)
	}
}

// settled waits until the controller has given every aggregated role the rules that rbac says it will have.
func settled(t *testing.T, cs *kubernetes.Clientset, objects []runtime.Object) {
	t.Helper()
	aggregated := 0
	for _, o := range objects {
		role, ok := o.(*rbacv1.ClusterRole)
		if !ok || role.AggregationRule == nil {
			continue
		}
		aggregated++
		want, err := rbac.RulesOf(role, objects...)
		if err != nil {
			require.ErrorIs(t, err, rbac.ErrNoRules)
		}
		var live *rbacv1.ClusterRole
		for begin := time.Now(); time.Since(begin) < patience; time.Sleep(tick) {
			live, err = cs.RbacV1().ClusterRoles().Get(t.Context(), role.Name, metav1.GetOptions{})
			require.NoError(t, err)
			if len(rbac.Missing(live.Rules, want)) == 0 && len(rbac.Extra(live.Rules, want)) == 0 {
				break
			}
		}
		require.Empty(t, rbac.Missing(live.Rules, want), role.Name)
		require.Empty(t, rbac.Extra(live.Rules, want), role.Name)
	}
	require.Greater(t, aggregated, policies/4)
}

// held is what kubectl get --raw prints of all roles and bindings.
func held(t *testing.T, cs *kubernetes.Clientset) (streams []io.Reader) {
	t.Helper()
	for _, resource := range []string{"clusterroles", "roles", "clusterrolebindings", "rolebindings"} {
		text, err := cs.RbacV1().RESTClient().Get().AbsPath("/apis/rbac.authorization.k8s.io/v1", resource).DoRaw(t.Context())
		require.NoError(t, err)
		streams = append(streams, bytes.NewReader(text))
	}
	return streams
}

// each does eight at a time, and returns the first error.
func each[T any](all []T, do func(T) error) error {
	work, failed := make(chan T), make(chan error, 8)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			var first error
			for one := range work {
				if err := do(one); err != nil && first == nil {
					first = err
				}
			}
			failed <- first
		})
	}
	for _, one := range all {
		work <- one
	}
	close(work)
	wg.Wait()
	close(failed)
	for err := range failed {
		if err != nil {
			return err
		}
	}
	return nil
}

func store(ctx context.Context, cs *kubernetes.Clientset, o runtime.Object) (err error) {
	r := cs.RbacV1()
	switch o := o.DeepCopyObject().(type) {
	case *rbacv1.Role:
		_, err = r.Roles(o.Namespace).Create(ctx, o, metav1.CreateOptions{})
	case *rbacv1.ClusterRole:
		_, err = r.ClusterRoles().Create(ctx, o, metav1.CreateOptions{})
	case *rbacv1.RoleBinding:
		_, err = r.RoleBindings(o.Namespace).Create(ctx, o, metav1.CreateOptions{})
	case *rbacv1.ClusterRoleBinding:
		_, err = r.ClusterRoleBindings().Create(ctx, o, metav1.CreateOptions{})
	}
	return err
}

type question struct {
	subject rbac.Subject
	access  rbac.Access
}

// maker makes one policy and questions about it. Its names are its own: many share an API server.
type maker struct {
	*rand.Rand
	prefix string
}

func (m maker) one(of ...string) string { return of[m.IntN(len(of))] }

func (m maker) some(of ...string) (words []string) {
	for range 1 + m.IntN(2) {
		words = append(words, m.one(of...))
	}
	return words
}

func (m maker) namespace() string { return m.prefix + m.one("-n", "-m") }

func (m maker) user() string {
	return m.one(m.prefix+"-jane", m.prefix+"-joe", "system:serviceaccount:"+m.namespace()+":"+m.one("a", "b"), "system:anonymous")
}

func (m maker) group() string {
	return m.prefix + m.one("-team", "-other")
}

func (m maker) rules(namespaced bool) (rules []rbacv1.PolicyRule) {
	for range 1 + m.IntN(3) {
		rule := rbacv1.PolicyRule{Verbs: m.some("get", "list", "watch", "create", "deletecollection", "*")}
		if !namespaced && m.IntN(3) == 0 {
			rule.NonResourceURLs = m.some("/a", "/a/", "/a/b", "/a*", "/a/*", "/a**", "/b")
		} else {
			rule.APIGroups = m.some("", "apps", "*")
			rule.Resources = m.some("pods", "deployments", "pods/log", "deployments/scale", "*/scale", "pods/*", "*/*", "*")
			if m.IntN(2) == 0 {
				rule.ResourceNames = m.some("a", "b", "*")
			}
		}
		rules = append(rules, rule)
	}
	return rules
}

func (m maker) meta(namespace, name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: namespace, Name: m.prefix + "-" + name, Labels: map[string]string{
		"policy": m.prefix, "x": m.one("true", "false"), m.one("y", "z"): "true",
	}}
}

func (m maker) selector() metav1.LabelSelector {
	expressions := []metav1.LabelSelectorRequirement{
		{Key: "x", Operator: metav1.LabelSelectorOpIn, Values: []string{"true"}},
		{Key: "x", Operator: metav1.LabelSelectorOpNotIn, Values: []string{"false"}},
		{Key: "y", Operator: metav1.LabelSelectorOpDoesNotExist},
		{Key: "z", Operator: metav1.LabelSelectorOpExists},
	}
	return metav1.LabelSelector{MatchLabels: map[string]string{"policy": m.prefix}, MatchExpressions: expressions[m.IntN(4):][:1]}
}

func (m maker) subjects(namespaced bool) (all []rbacv1.Subject) {
	for range 1 + m.IntN(2) {
		switch m.IntN(3) {
		case 0:
			all = append(all, rbacv1.Subject{Kind: "User", Name: m.user()})
		case 1:
			all = append(all, rbacv1.Subject{Kind: "Group", Name: m.one(m.group(), "system:serviceaccounts:"+m.namespace(), m.group())})
		default:
			s := rbacv1.Subject{Kind: "ServiceAccount", Namespace: m.namespace(), Name: m.one("a", "b")}
			if namespaced && m.IntN(2) == 0 {
				s.Namespace = ""
			}
			all = append(all, s)
		}
	}
	return all
}

func (m maker) objects() (all []runtime.Object) {
	for _, name := range []string{"a", "b", "c"} {
		if m.IntN(4) > 0 {
			role := &rbacv1.ClusterRole{ObjectMeta: m.meta("", name), Rules: m.rules(false)}
			if m.IntN(3) == 0 {
				role.Rules, role.AggregationRule = nil, &rbacv1.AggregationRule{ClusterRoleSelectors: []metav1.LabelSelector{m.selector(), m.selector()}}
			}
			all = append(all, role)
		}
		if m.IntN(2) == 0 {
			ref := rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: m.prefix + "-" + m.one("a", "b", "c")}
			all = append(all, &rbacv1.ClusterRoleBinding{ObjectMeta: m.meta("", name), RoleRef: ref, Subjects: m.subjects(false)})
		}
		for _, namespace := range []string{m.prefix + "-n", m.prefix + "-m"} {
			if m.IntN(2) == 0 {
				all = append(all, &rbacv1.Role{ObjectMeta: m.meta(namespace, name), Rules: m.rules(true)})
			}
			if m.IntN(2) == 0 {
				ref := rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: m.one("Role", "ClusterRole"), Name: m.prefix + "-" + m.one("a", "b", "c")}
				all = append(all, &rbacv1.RoleBinding{ObjectMeta: m.meta(namespace, name), RoleRef: ref, Subjects: m.subjects(true)})
			}
		}
	}
	return all
}

// question is in the words of the rules and of the subjects, and in some that no rule has. Two of three are about a binding:
// for one of its subjects, where it holds, about a rule of the role of that name.
func (m maker) question(objects []runtime.Object) (q question) {
	q.subject = rbac.Subject{User: m.user()}
	q.access = rbac.Access{Verb: m.one("get", "list", "watch", "create", "deletecollection", "fresh")}
	if m.IntN(4) == 0 {
		q.access.Path = m.one("/a", "/a/", "/a/b", "/a/b/c", "/ab", "/b", "/fresh", "/healthz", "/version")
	} else {
		q.access.Group, q.access.Resource = m.one("", "apps", "fresh"), m.one("pods", "deployments", "fresh")
		q.access.Subresource, q.access.Name = m.one("", "", "log", "scale", "fresh"), m.one("", "a", "b", "fresh")
		q.access.Namespace = m.one("", m.namespace(), m.namespace(), "default")
	}
	if m.IntN(3) > 0 {
		m.about(&q, objects[m.IntN(len(objects))], objects)
	}
	for range m.IntN(2) {
		q.subject.Groups = append(q.subject.Groups, m.group())
	}
	if m.IntN(50) == 0 {
		q.subject.Groups = append(q.subject.Groups, "system:masters")
	}
	return q
}

// about asks about a binding; about any other object nothing.
func (m maker) about(q *question, binding runtime.Object, objects []runtime.Object) {
	var namespace string
	var ref rbacv1.RoleRef
	var subjects []rbacv1.Subject
	switch b := binding.(type) {
	case *rbacv1.ClusterRoleBinding:
		ref, subjects = b.RoleRef, b.Subjects
	case *rbacv1.RoleBinding:
		namespace, ref, subjects = b.Namespace, b.RoleRef, b.Subjects
	default:
		return
	}
	switch s := subjects[m.IntN(len(subjects))]; s.Kind {
	case "User":
		q.subject.User = s.Name
	case "Group":
		q.subject.Groups = append(q.subject.Groups, s.Name)
	default:
		q.subject = rbac.ServiceAccount(cmp.Or(s.Namespace, namespace), s.Name)
	}
	for _, o := range objects {
		rules, err := rbac.RulesOf(o, objects...)
		role, _ := o.(metav1.Object)
		if err != nil || role.GetName() != ref.Name || fmt.Sprintf("%T", o) != "*v1."+ref.Kind {
			continue
		}
		rule := rules[m.IntN(len(rules))]
		q.access = rbac.Access{Verb: m.one(rule.Verbs...)}
		if len(rule.NonResourceURLs) > 0 {
			q.access.Path = m.one(rule.NonResourceURLs...)
			return
		}
		q.access.Group, q.access.Namespace = m.one(rule.APIGroups...), namespace
		q.access.Resource, q.access.Subresource, _ = strings.Cut(m.one(rule.Resources...), "/")
		if len(rule.ResourceNames) > 0 {
			q.access.Name = m.one(rule.ResourceNames...)
		}
		return
	}
}
