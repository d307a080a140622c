package rbac_test

import (
	"fmt"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/meshpeer/meshpeer/rbac"
)

// A controller ran with the rights of an administrator. The audit log tells which of
// them it needs.
func ExampleFromAudit() {
	log := strings.NewReader(`
{"kind":"Event","apiVersion":"audit.k8s.io/v1","auditID":"1","stage":"ResponseStarted","verb":"watch","user":{"username":"system:serviceaccount:shop:cart"},"objectRef":{"resource":"pods"},"annotations":{"authorization.k8s.io/decision":"allow"}}
{"kind":"Event","apiVersion":"audit.k8s.io/v1","auditID":"2","stage":"ResponseComplete","verb":"list","user":{"username":"system:serviceaccount:shop:cart"},"objectRef":{"resource":"pods"},"annotations":{"authorization.k8s.io/decision":"allow"}}
{"kind":"Event","apiVersion":"audit.k8s.io/v1","auditID":"3","stage":"ResponseComplete","verb":"update","user":{"username":"system:serviceaccount:shop:cart"},"objectRef":{"resource":"leases","apiGroup":"coordination.k8s.io","namespace":"shop","name":"leader"},"annotations":{"authorization.k8s.io/decision":"allow"}}
{"kind":"Event","apiVersion":"audit.k8s.io/v1","auditID":"4","stage":"ResponseComplete","verb":"list","user":{"username":"system:serviceaccount:shop:cart"},"objectRef":{"resource":"secrets"},"annotations":{"authorization.k8s.io/decision":"forbid"}}
`) // in life an *os.File
	audit, err := rbac.FromAudit(log, rbac.AuditOptions{User: rbac.ServiceAccount("shop", "cart").User, Names: 3})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, refused := range audit.Refused {
		fmt.Println("refused:", refused)
	}
	for _, object := range audit.Objects("cart") {
		document, _ := yaml.Marshal(object)
		fmt.Printf("---\n%s", document)
	}
	// Output:
	// refused: list secrets
	// ---
	// apiVersion: rbac.authorization.k8s.io/v1
	// kind: ClusterRole
	// metadata:
	//   name: cart
	// rules:
	// - apiGroups:
	//   - ""
	//   resources:
	//   - pods
	//   verbs:
	//   - list
	//   - watch
	// ---
	// apiVersion: rbac.authorization.k8s.io/v1
	// kind: ClusterRoleBinding
	// metadata:
	//   name: cart
	// roleRef:
	//   apiGroup: rbac.authorization.k8s.io
	//   kind: ClusterRole
	//   name: cart
	// subjects:
	// - kind: ServiceAccount
	//   name: cart
	//   namespace: shop
	// ---
	// apiVersion: rbac.authorization.k8s.io/v1
	// kind: Role
	// metadata:
	//   name: cart
	//   namespace: shop
	// rules:
	// - apiGroups:
	//   - coordination.k8s.io
	//   resourceNames:
	//   - leader
	//   resources:
	//   - leases
	//   verbs:
	//   - update
	// ---
	// apiVersion: rbac.authorization.k8s.io/v1
	// kind: RoleBinding
	// metadata:
	//   name: cart
	//   namespace: shop
	// roleRef:
	//   apiGroup: rbac.authorization.k8s.io
	//   kind: Role
	//   name: cart
	// subjects:
	// - kind: ServiceAccount
	//   name: cart
	//   namespace: shop
}
