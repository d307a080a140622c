package rbactest_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"

	rbacv1 "k8s.io/api/rbac/v1"

	"github.com/meshpeer/meshpeer/rbac/rbactest"
)

// A controller's test that finds its least role: what the rules lack fails the test,
// and what nothing needs is named.
func ExampleEnforce() {
	var t printer
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})) // envtest, or a fake
	defer server.Close()

	enforced := rbactest.Enforce(t, []rbacv1.PolicyRule{
		{Verbs: []string{"get", "list", "watch"}, APIGroups: []string{""}, Resources: []string{"pods", "secrets"}},
	})
	client := &http.Client{Transport: enforced.Wrap(nil)} // with client-go: config.Wrap(enforced.Wrap)

	// What the controller does:
	for _, request := range []string{
		"GET /api/v1/pods?limit=500",
		"GET /api/v1/pods?watch=true",
		"PATCH /api/v1/namespaces/shop/pods/cart-0",
	} {
		method, path, _ := strings.Cut(request, " ")
		req, _ := http.NewRequest(method, server.URL+path, nil)
		res, err := client.Do(req)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(request, "->", res.StatusCode)
		_ = res.Body.Close()
	}
	for _, unused := range enforced.Unused() {
		fmt.Println("no request needs:", unused)
	}
	// Output:
	// GET /api/v1/pods?limit=500 -> 200
	// GET /api/v1/pods?watch=true -> 200
	// rbactest: RBAC refuses a request of the program: patch pods named cart-0 in namespace shop
	// add to the rules of a ClusterRole, or of a Role in namespace shop:
	// - apiGroups:
	//   - ""
	//   resourceNames:
	//   - cart-0
	//   resources:
	//   - pods
	//   verbs:
	//   - patch
	// no rule that User rbactest has allows it
	// PATCH /api/v1/namespaces/shop/pods/cart-0 -> 403
	// no request needs: get pods
	// no request needs: get,list,watch secrets
}
