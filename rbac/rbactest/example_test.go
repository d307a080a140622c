package rbactest_test

import (
	"context"
	"fmt"

	authorizationv1 "k8s.io/api/authorization/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshpeer/meshpeer/rbac"
	"github.com/meshpeer/meshpeer/rbac/rbactest"
)

// printer stands for the *testing.T of a real test.
type printer struct{}

func (printer) Helper() {}

func (printer) Errorf(format string, args ...any) { fmt.Printf(format+"\n", args...) }

func (printer) Fatalf(format string, args ...any) { fmt.Printf(format+"\n", args...) }

func Example() {
	var t printer
	reader, err := rbac.Render(rbac.Options{}) // ASM's documented role
	if err != nil {
		t.Fatalf("%v", err)
		return
	}
	rules := reader.ClusterRole.Rules
	rbactest.Allows(t, rules, rbac.Access{Verb: "list", Resource: "nodes"})
	rbactest.Denies(t, rules, rbac.Access{Verb: "update", Resource: "configmaps", Namespace: "kube-system"})
	// Output:
	// rbactest: the rules allow: update configmaps in namespace kube-system
	// remove or narrow rules[11]: create,get,list,watch,update configmaps
}

func example(t printer) *rbac.Policy {
	return rbactest.Load(t, "../../examples/rbac-unit-test/testdata/shop.yaml")
}

func ExampleCan() {
	var t printer
	p, web := example(t), rbac.ServiceAccount("shop", "shop-web")
	rbactest.Can(t, p, web, rbactest.Access(t, "get secrets shop-payment -n shop"))
	rbactest.Can(t, p, web, rbactest.Access(t, "list orders.shop.example.com -n shop"))
	// Output:
	// rbactest: ServiceAccount shop/shop-web cannot list orders.shop.example.com in namespace shop: no rule that ServiceAccount shop/shop-web has allows it
	// nearest: Role shop/shop-web, whose rules[1] is: create orders.shop.example.com, bound by RoleBinding shop/shop-web, but it lacks the verb list
	// add a rule: list orders.shop.example.com
}

// A team may not read Secrets, and a misspelling proves nothing.
func ExampleCannot() {
	var t printer
	p, team := example(t), rbac.Subject{Groups: []string{"shop-team"}}
	rbactest.Cannot(t, p, team, rbactest.Access(t, "get secrets"), rbactest.Access(t, "list secrets"))
	rbactest.Cannot(t, p, team, rbactest.Access(t, "get pods/log"))
	rbactest.Cannot(t, p, team, rbactest.Access(t, "delete order.shop.example.com"))
	// Output:
	// rbactest: Group shop-team can get pods/log in namespace shop: RoleBinding shop/shop-team binds Group shop-team to ClusterRole shop-team, whose rules[0] allows it: get,list pods, pods/log
	// remove or narrow that rule, or the binding; or name the namespace or the object in the access
	// rbactest: that Group shop-team cannot delete order.shop.example.com proves nothing: delete order.shop.example.com is in no rule of the policy, nor is it a known resource; correct it, or add a role that names it
}

func ExampleMatrix_Check() {
	var t printer
	table := rbactest.Matrix{
		Subjects: map[string]rbac.Subject{"web": rbac.ServiceAccount("shop", "shop-web"), "team": {Groups: []string{"shop-team"}}},
		Rows: []rbactest.Row{
			{Access: "get pods -n shop", Allowed: "team", Denied: "web"},
			{Access: "get secrets -n shop", Denied: "web team"},
		},
	}
	table.Check(t, example(t))
	// Output:
	// rbactest: row "get secrets -n shop", web: ServiceAccount shop/shop-web can get secrets named shop-payment in namespace shop: RoleBinding shop/shop-web binds ServiceAccount shop/shop-web to Role shop/shop-web, whose rules[0] allows it: get secrets named shop-payment
	// remove or narrow that rule, or the binding; or name the namespace or the object in the access
}

func ExampleNoEscalation() {
	var t printer
	rbactest.NoEscalation(t, example(t), rbac.ServiceAccount("shop", "shop-operator"))
	// Output:
	// rbactest: more rights by way of "pods-create" (a pod runs as any ServiceAccount of its namespace and mounts any Secret there; a privileged one has its node): ServiceAccount shop/shop-operator can create jobs.batch: ClusterRoleBinding shop-operator binds ServiceAccount shop/shop-operator to ClusterRole shop-operator, whose rules[2] allows it: get,list,watch,create,delete jobs.batch
	// remove or narrow that rule, or the binding; or except "pods-create" if it is meant
}

func ExampleMutate() {
	var t printer
	web := rbac.ServiceAccount("shop", "shop-web")
	p, err := rbac.NewPolicy(role("cart"), binding("cart", web))
	if err != nil {
		t.Fatalf("%v", err)
		return
	}
	rbactest.Mutate(t, p, func(t rbactest.TB, p *rbac.Policy) {
		rbactest.Can(t, p, web, rbactest.Access(t, "get pods -n shop"))
	})
	// Output:
	// rbactest: nothing in the check fails without rules[1] of Role shop/cart: get configmaps
	// add an assertion that needs the rule, or drop the rule
}

func role(name string) *rbacv1.Role {
	return &rbacv1.Role{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name}, Rules: []rbacv1.PolicyRule{
		{Verbs: []string{"get"}, APIGroups: []string{""}, Resources: []string{"pods"}},
		{Verbs: []string{"get"}, APIGroups: []string{""}, Resources: []string{"configmaps"}},
	}}
}

func binding(role string, s rbac.Subject) *rbacv1.RoleBinding {
	return &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: role}, RoleRef: rbacv1.RoleRef{Kind: "Role", Name: role},
		Subjects: []rbacv1.Subject{{Kind: "User", Name: s.User}},
	}
}

// apiServer stands for clientset.AuthorizationV1().SubjectAccessReviews() of a cluster where somebody has widened a role.
type apiServer struct{}

func (apiServer) Create(_ context.Context, review *authorizationv1.SubjectAccessReview, _ metav1.CreateOptions) (*authorizationv1.SubjectAccessReview, error) {
	review.Status.Allowed, review.Status.Reason = true, `RBAC: allowed by ClusterRoleBinding "helpful" of ClusterRole "edit" to Group "shop-team"`
	return review, nil
}

func ExampleMatrix_Live() {
	var t printer
	table := rbactest.Matrix{
		Subjects: map[string]rbac.Subject{"team": {Groups: []string{"shop-team"}}},
		Rows:     []rbactest.Row{{Access: "get pods -n shop", Allowed: "team"}, {Access: "get secrets -n shop", Denied: "team"}},
	}
	table.Live(context.Background(), t, apiServer{})
	// Output:
	// rbactest: row "get secrets -n shop", team: the table says Group shop-team cannot get secrets in namespace shop, the API server says that it can (RBAC: allowed by ClusterRoleBinding "helpful" of ClusterRole "edit" to Group "shop-team")
}
