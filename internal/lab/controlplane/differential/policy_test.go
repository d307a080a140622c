package differential_test

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/authorization/authorizer"
	rbacv1helpers "k8s.io/kubernetes/pkg/apis/rbac"
	internalv1 "k8s.io/kubernetes/pkg/apis/rbac/v1"
	rbacvalidation "k8s.io/kubernetes/pkg/apis/rbac/validation"
	"k8s.io/kubernetes/pkg/registry/rbac/validation"
	authorizerrbac "k8s.io/kubernetes/plugin/pkg/auth/authorizer/rbac"
	"sigs.k8s.io/yaml"

	"github.com/meshpeer/meshpeer/rbac"
)

var (
	namespaces = []string{"n", "m"}
	users      = []string{"jane", "joe", "system:serviceaccount:n:a", "system:serviceaccount:m:a", "system:serviceaccount:n:b", "system:anonymous", "team"}
	userGroups = []string{"team", "other", "jane", "system:authenticated", "system:unauthenticated", "system:serviceaccounts", "system:serviceaccounts:n", "system:serviceaccounts:m"}
	roleNames  = []string{"a", "b", "c", "d"}
	labelKeys  = []string{"x", "y"}
)

// objects are roles and bindings such as an API server stores, some of them dangling, some aggregated from each other.
type objects struct {
	roles               []*rbacv1.Role
	clusterRoles        []*rbacv1.ClusterRole
	roleBindings        []*rbacv1.RoleBinding
	clusterRoleBindings []*rbacv1.ClusterRoleBinding
}

func (o objects) all() (all []runtime.Object) {
	for _, r := range o.roles {
		all = append(all, r)
	}
	for _, r := range o.clusterRoles {
		all = append(all, r)
	}
	for _, b := range o.roleBindings {
		all = append(all, b)
	}
	for _, b := range o.clusterRoleBindings {
		all = append(all, b)
	}
	return all
}

func (g generator) meta(namespace, name string) metav1.ObjectMeta {
	meta := metav1.ObjectMeta{Namespace: namespace, Name: name}
	for _, key := range labelKeys {
		if g.IntN(3) == 0 {
			meta.Labels = map[string]string{key: g.one([]string{"true", "false"})}
		}
	}
	return meta
}

func (g generator) selector() metav1.LabelSelector {
	key := g.one(labelKeys)
	switch g.IntN(4) {
	case 0:
		return metav1.LabelSelector{MatchLabels: map[string]string{key: "true"}}
	case 1:
		return metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: key, Operator: metav1.LabelSelectorOpIn, Values: []string{"true", "false"}}}}
	case 2:
		return metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: key, Operator: metav1.LabelSelectorOpDoesNotExist}}}
	}
	return metav1.LabelSelector{MatchLabels: map[string]string{key: "true"}, MatchExpressions: []metav1.LabelSelectorRequirement{{Key: g.one(labelKeys), Operator: metav1.LabelSelectorOpNotIn, Values: []string{"false"}}}}
}

func (g generator) subjects(namespaced bool) []rbacv1.Subject {
	var all []rbacv1.Subject
	for range g.IntN(3) {
		switch g.IntN(3) {
		case 0:
			all = append(all, rbacv1.Subject{Kind: "User", APIGroup: rbacv1.GroupName, Name: g.one(users)})
		case 1:
			all = append(all, rbacv1.Subject{Kind: "Group", APIGroup: rbacv1.GroupName, Name: g.one(userGroups)})
		default:
			s := rbacv1.Subject{Kind: "ServiceAccount", Namespace: g.one(namespaces), Name: g.one([]string{"a", "b"})}
			if namespaced && g.IntN(2) == 0 {
				s.Namespace = ""
			}
			all = append(all, s)
		}
	}
	return all
}

func (g generator) objects() (o objects) {
	for _, name := range roleNames {
		if g.IntN(4) > 0 {
			r := &rbacv1.ClusterRole{ObjectMeta: g.meta("", name), Rules: g.stored()}
			if g.IntN(4) == 0 {
				r.AggregationRule = &rbacv1.AggregationRule{}
				r.Rules = nil
				for range 1 + g.IntN(2) {
					r.AggregationRule.ClusterRoleSelectors = append(r.AggregationRule.ClusterRoleSelectors, g.selector())
				}
			}
			o.clusterRoles = append(o.clusterRoles, r)
		}
		for _, namespace := range namespaces {
			if g.IntN(2) == 0 {
				r := &rbacv1.Role{ObjectMeta: g.meta(namespace, name), Rules: g.stored()}
				r.Rules = slices.DeleteFunc(r.Rules, func(r rbacv1.PolicyRule) bool { return len(r.NonResourceURLs) > 0 })
				o.roles = append(o.roles, r)
			}
			if g.IntN(2) == 0 {
				ref := rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: g.one([]string{"Role", "ClusterRole"}), Name: g.one(roleNames)}
				o.roleBindings = append(o.roleBindings, &rbacv1.RoleBinding{ObjectMeta: g.meta(namespace, name), RoleRef: ref, Subjects: g.subjects(true)})
			}
		}
		if g.IntN(2) == 0 {
			ref := rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: g.one(roleNames)}
			o.clusterRoleBindings = append(o.clusterRoleBindings, &rbacv1.ClusterRoleBinding{ObjectMeta: g.meta("", name), RoleRef: ref, Subjects: g.subjects(false)})
		}
	}
	return o
}

// valid fails the test unless an API server would store the objects.
func (o objects) valid(t *testing.T) {
	t.Helper()
	for _, r := range o.clusterRoles {
		var in rbacv1helpers.ClusterRole
		require.NoError(t, internalv1.Convert_v1_ClusterRole_To_rbac_ClusterRole(r, &in, nil))
		require.Empty(t, rbacvalidation.ValidateClusterRole(&in, rbacvalidation.ClusterRoleValidationOptions{}))
	}
	for _, r := range o.roles {
		var in rbacv1helpers.Role
		require.NoError(t, internalv1.Convert_v1_Role_To_rbac_Role(r, &in, nil))
		require.Empty(t, rbacvalidation.ValidateRole(&in))
	}
}

// settled is the cluster once the aggregation controller rests: its loop over one role, until nothing changes (Kubernetes
// pkg/controller/clusterroleaggregation, syncClusterRole).
func (o objects) settled(t *testing.T) []*rbacv1.ClusterRole {
	t.Helper()
	roles := make([]*rbacv1.ClusterRole, len(o.clusterRoles))
	for i, r := range o.clusterRoles {
		roles[i] = r.DeepCopy()
	}
	for changed := true; changed; {
		changed = false
		for _, r := range roles {
			if r.AggregationRule == nil {
				continue
			}
			var rules []rbacv1.PolicyRule
			for i := range r.AggregationRule.ClusterRoleSelectors {
				selector, err := metav1.LabelSelectorAsSelector(&r.AggregationRule.ClusterRoleSelectors[i])
				require.NoError(t, err)
				for _, other := range roles {
					if other.Name == r.Name || !selector.Matches(labels.Set(other.Labels)) {
						continue
					}
					for _, rule := range other.Rules {
						if !slices.ContainsFunc(rules, func(r rbacv1.PolicyRule) bool { return fmt.Sprint(r) == fmt.Sprint(rule) }) {
							rules = append(rules, rule)
						}
					}
				}
			}
			if fmt.Sprint(rules) != fmt.Sprint(r.Rules) {
				r.Rules, changed = rules, true
			}
		}
	}
	return roles
}

// subject is, as often as not, one that some binding names.
func (g generator) subject(o objects) rbac.Subject {
	s := rbac.Subject{User: g.one(users)}
	var bound []rbacv1.Subject
	for _, b := range o.clusterRoleBindings {
		bound = append(bound, b.Subjects...)
	}
	for _, b := range o.roleBindings {
		bound = append(bound, b.Subjects...)
	}
	if len(bound) > 0 && g.IntN(3) > 0 {
		switch to := bound[g.IntN(len(bound))]; to.Kind {
		case "User":
			s.User = to.Name
		case "Group":
			s.Groups = append(s.Groups, to.Name)
		default:
			s = rbac.ServiceAccount(cmp.Or(to.Namespace, g.one(namespaces)), to.Name)
		}
	}
	for range g.IntN(3) {
		s.Groups = append(s.Groups, g.one(userGroups))
	}
	return s
}

// accessIn asks, as often as not, for what some rule of the objects names.
func (g generator) accessIn(o objects) rbac.Access {
	a := g.access()
	var rules []rbacv1.PolicyRule
	for _, r := range o.clusterRoles {
		rules = append(rules, r.Rules...)
	}
	for _, r := range o.roles {
		rules = append(rules, r.Rules...)
	}
	if len(rules) > 0 && g.IntN(3) > 0 {
		rule := rules[g.IntN(len(rules))]
		a = rbac.Access{Verb: g.one(rule.Verbs)}
		if len(rule.NonResourceURLs) > 0 {
			a.Path = g.one(rule.NonResourceURLs)
			return a
		}
		a.Group = g.one(rule.APIGroups)
		a.Resource, a.Subresource, _ = strings.Cut(g.one(rule.Resources), "/")
		if len(rule.ResourceNames) > 0 {
			a.Name = g.one(rule.ResourceNames)
		}
	}
	a.Namespace = g.one([]string{"", "n", "m", "other"})
	if a.Path != "" {
		a.Namespace = ""
	}
	return a
}

// The verdict, the binding that gives it and the subjects that have it must be those of Kubernetes' authorizer, for what
// NewPolicy takes and for what Load reads of the same objects.
func TestPolicyAgreesWithTheAuthorizer(t *testing.T) {
	const policies, asked = 1_200, 40
	var allowed, byRoleBinding, dangling, aggregated int
	for seed := range uint64(policies) {
		g := newGenerator(seed)
		o := g.objects()
		o.valid(t)
		p, err := rbac.NewPolicy(o.all()...)
		require.NoError(t, err)
		var manifests bytes.Buffer
		for _, object := range p.Objects() {
			text, err := yaml.Marshal(object)
			require.NoError(t, err)
			manifests.WriteString("---\n")
			manifests.Write(text)
		}
		loaded, err := rbac.Load(&manifests)
		require.NoError(t, err)
		require.Equal(t, fmt.Sprint(p.Grants()), fmt.Sprint(loaded.Grants()))
		dangling += len(p.Dangling())

		settled := o.settled(t)
		_, static := validation.NewTestRuleResolver(o.roles, o.roleBindings, settled, o.clusterRoleBindings)
		server := authorizerrbac.New(static, static, static, static)
		locator := authorizerrbac.NewSubjectAccessEvaluator(static, static, static, static, "")
		for range asked {
			s, a := g.subject(o), g.accessIn(o)
			who := attributes(a, &user.DefaultInfo{Name: s.User, Groups: s.AllGroups()})
			verdict, _, _ := server.Authorize(t.Context(), who) // the error names roles that are not there
			d := p.Allows(s, a)
			if d.Allowed != (verdict == authorizer.DecisionAllow) {
				t.Fatalf("policy %d: Allows says %t (%s), the authorizer %v: %s %+v", seed, d.Allowed, d.Reason, verdict, s, a)
			}
			subjects, _ := locator.AllowedSubjects(t.Context(), who)
			want, got := map[string]bool{}, map[string]bool{}
			for _, subject := range subjects[1:] { // the first is system:masters
				if subject.Kind == "ServiceAccount" && subject.Namespace == "" {
					subject.Namespace = a.Namespace
				}
				want[fmt.Sprint(subject)] = true
			}
			for _, grant := range p.WhoCan(a) {
				got[fmt.Sprint(grant.Subject)] = true
			}
			require.Equal(t, slices.Sorted(maps.Keys(want)), slices.Sorted(maps.Keys(got)), "policy %d: %+v", seed, a)
			if a.Path == "" {
				require.Equal(t, d.Allowed, rbac.Allows(p.Rules(s, a.Namespace), a), "policy %d: %s %+v", seed, s, a)
			}
			if d.Allowed {
				allowed++
				if d.Binding.Kind == "RoleBinding" {
					byRoleBinding++
				}
				for _, r := range o.clusterRoles {
					if r.AggregationRule != nil && d.Role == (rbac.ObjectRef{Kind: "ClusterRole", Name: r.Name}) {
						aggregated++
					}
				}
			}
		}
	}
	t.Logf("%d of %d allowed, %d by RoleBindings, %d by aggregated roles; %d bindings dangle", allowed, policies*asked, byRoleBinding, aggregated, dangling)
	require.Greater(t, allowed, policies*asked/50)
	require.Less(t, allowed, policies*asked/2)
	require.Greater(t, byRoleBinding, 500)
	require.Greater(t, aggregated, 400)
	require.Greater(t, dangling, 500)
}
