package apply_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/meshpeer/meshpeer/internal/apply"
)

// The messages are those of API servers from 1.24 to 1.36, as people have posted them.
func TestAdvice(t *testing.T) {
	const forbidden, invalid = metav1.StatusReasonForbidden, metav1.StatusReasonInvalid
	for name, tt := range map[string]struct {
		err  error
		want string
	}{
		"RBAC": {
			status(403, forbidden, `secrets is forbidden: User "system:serviceaccount:ci:onboarding" cannot create resource "secrets" in API group "" in the namespace "istio-system"`),
			`give "system:serviceaccount:ci:onboarding" the permission to create secrets in namespace istio-system`,
		},
		"RBAC, a group": {
			status(403, forbidden, `clusterroles.rbac.authorization.k8s.io "meshpeer-reader-a" is forbidden: User "jane" cannot update resource "clusterroles" in API group "rbac.authorization.k8s.io" at the cluster scope: RBAC: clusterrole.rbac.authorization.k8s.io "x" not found`),
			`give "jane" the permission to update clusterroles.rbac.authorization.k8s.io`,
		},
		"RBAC, a subresource": {
			status(403, forbidden, `serviceaccounts "a" is forbidden: User "jane" cannot create resource "serviceaccounts/token" in API group "" in the namespace "istio-system"`),
			`give "jane" the permission to create serviceaccounts/token in namespace istio-system`,
		},
		"RBAC, a path": {
			status(403, forbidden, `forbidden: User "system:anonymous" cannot get path "/readyz"`),
			`give "system:anonymous" the permission to get /readyz`,
		},
		"cloud authorizer": {
			status(403, forbidden, `secrets "x" is forbidden: User "2000-1" cannot delete resource "secrets" in API group "" in the namespace "istio-system": requires one of ["container.secrets.delete"] permission(s).`),
			`give "2000-1" the permission to delete secrets in namespace istio-system`,
		},
		"escalation": {
			status(403, forbidden, `clusterroles.rbac.authorization.k8s.io "r" is forbidden: user "jane" (groups=["system:authenticated"]) is attempting to grant RBAC permissions not currently held:`+"\n"+`{APIGroups:[""], Resources:["secrets"], Verbs:["get" "list" "watch"]}`),
			"Kubernetes lets you grant only rights that you hold: use an identity with these rights, or with the verbs escalate and bind on the role",
		},
		"quota": {
			status(403, forbidden, `secrets "istio-remote-secret-b" is forbidden: exceeded quota: object-counts, requested: secrets=1, used: secrets=10, limited: secrets=10`),
			`the ResourceQuota "object-counts" of the namespace does not allow it: raise the quota, or remove what is not needed there`,
		},
		"quota, count": {
			status(403, forbidden, `serviceaccounts "x" is forbidden: exceeded quota: q, requested: count/serviceaccounts=1, used: count/serviceaccounts=2, limited: count/serviceaccounts=2`),
			`the ResourceQuota "q" of the namespace does not allow it: raise the quota, or remove what is not needed there`,
		},
		"quota not counted yet": {
			status(403, forbidden, `secrets "x" is forbidden: status unknown for quota: q, resources: secrets`),
			`the ResourceQuota "q" of the namespace does not allow it: raise the quota, or remove what is not needed there`,
		},
		"quota, limits missing": {
			status(403, forbidden, `pods "x" is forbidden: failed quota: q: must specify limits.cpu for: c; limits.memory for: c`),
			`the ResourceQuota "q" of the namespace does not allow it: raise the quota, or remove what is not needed there`,
		},
		"webhook": {
			status(400, metav1.StatusReasonBadRequest, `admission webhook "validate.kyverno.svc-fail" denied the request: `+"\n\n"+`resource Secret/istio-system/x was blocked due to the following policies`),
			`the admission webhook "validate.kyverno.svc-fail" of this cluster denies it: have its owner allow the object, or exempt the namespace`,
		},
		"webhook without a word": {
			status(403, forbidden, `admission webhook "validation.gatekeeper.sh" denied the request without explanation`),
			`the admission webhook "validation.gatekeeper.sh" of this cluster denies it: have its owner allow the object, or exempt the namespace`,
		},
		"webhook that speaks of quota": {
			status(403, forbidden, `admission webhook "a.b" denied the request: exceeded quota: x, User "u" cannot get path "/"`),
			`the admission webhook "a.b" of this cluster denies it: have its owner allow the object, or exempt the namespace`,
		},
		"webhook that does not answer": {
			apierrors.NewInternalError(errors.New(`failed calling webhook "validation.istio.io": failed to call webhook: Post "https://istiod.istio-system.svc:443/validate?timeout=10s": dial tcp 10.0.0.1:443: connect: connection refused`)),
			`the admission webhook "validation.istio.io" of this cluster does not answer, and the API server writes nothing without it: repair or remove the webhook`,
		},
		"policy": {
			status(422, invalid, `clusterroles.rbac.authorization.k8s.io "r" is forbidden: ValidatingAdmissionPolicy 'no-secrets.example.com' with binding 'everywhere' denied request: failed expression: object.rules.all(r, true)`),
			`the ValidatingAdmissionPolicy "no-secrets.example.com" of this cluster denies it: have its owner allow the object, or exempt the namespace in the binding "everywhere"`,
		},
		"Pod Security": {
			status(403, forbidden, `pods "sleep" is forbidden: violates PodSecurity "restricted:latest": allowPrivilegeEscalation != false (container "sleep" must set securityContext.allowPrivilegeEscalation=false)`),
			`the Pod Security level "restricted:latest" of the namespace does not allow it: use a namespace with another level (label pod-security.kubernetes.io/enforce)`,
		},
		"namespace ends": {
			status(403, forbidden, `secrets "x" is forbidden: unable to create new content in namespace istio-system because it is being terminated`),
			"the namespace is being deleted: wait until it is gone, create it again, then call again",
		},
		"no namespace": {
			apierrors.NewNotFound(schema.GroupResource{Resource: "namespaces"}, "istio-system"),
			`the namespace "istio-system" does not exist in this cluster: create it, or name the one that istiod runs in`,
		},
		"LimitRange": {
			status(403, forbidden, `pods "sleep" is forbidden: [maximum cpu usage per Container is 1, but limit is 2, minimum memory usage per Container is 64Mi, but request is 1Mi]`),
			"the LimitRange of the namespace does not allow it: change that, or the resources that are asked for",
		},
		"invalid": {
			apierrors.NewInvalid(schema.GroupKind{Kind: "Secret"}, "x", field.ErrorList{field.Invalid(field.NewPath("metadata", "name"), "X", "a lowercase RFC 1123 subdomain")}),
			"the API server does not take the object: see metadata.name; correct what the message names",
		},
		"too large for etcd": {
			status(500, "", "etcdserver: request is too large"),
			"the object is larger than the API server takes (a Secret holds at most 1 MiB): make it smaller",
		},
		"too large for a Secret": {
			status(422, invalid, `Secret "x" is invalid: data: Too long: may not be more than 1048576 bytes`),
			"the object is larger than the API server takes (a Secret holds at most 1 MiB): make it smaller",
		},
		"too large": {
			apierrors.NewRequestEntityTooLargeError("limit is 3145728"),
			"the object is larger than the API server takes (a Secret holds at most 1 MiB): make it smaller",
		},
		"forbidden for another reason": {
			status(403, forbidden, `secrets "x" is forbidden: x`), "the API server forbids it; its message says why",
		},
		"forbidden by its code":   {status(403, "", "x"), "the API server forbids it; its message says why"},
		"forbidden by its reason": {status(0, forbidden, "x"), "the API server forbids it; its message says why"},
		"invalid by its code":     {status(422, "", "x"), "the API server does not take the object: correct what the message names"},
		"too large by its code":   {status(413, "", "x"), "the object is larger than the API server takes (a Secret holds at most 1 MiB): make it smaller"},
		"quota, a scope": {
			status(403, forbidden, `pods "x" is forbidden: insufficient quota to match these scopes: [{PriorityClass In [system-node-critical system-cluster-critical]}]`),
			"the ResourceQuota of the namespace does not allow it: raise the quota, or remove what is not needed there",
		},
		"RBAC, a group and a subresource": {
			status(403, forbidden, `deployments.apps "a" is forbidden: User "jane" cannot patch resource "deployments/scale" in API group "apps" in the namespace "default"`),
			`give "jane" the permission to patch deployments.apps/scale in namespace default`,
		},
		"foreign text": {
			status(403, forbidden, "User \"a\nb\x1b[2J\" cannot get path \"/x\""), `give "a\nb\x1b[2J" the permission to get /x`,
		},
		"wrapped": {
			fmt.Errorf("a: %w", apierrors.NewNotFound(schema.GroupResource{Resource: "namespaces"}, "x")),
			`the namespace "x" does not exist in this cluster: create it, or name the one that istiod runs in`,
		},

		"not found":    {apierrors.NewNotFound(schema.GroupResource{Resource: "secrets"}, "x"), ""},
		"unauthorized": {apierrors.NewUnauthorized("x"), ""},
		"conflict":     {apierrors.NewConflict(schema.GroupResource{Resource: "secrets"}, "x", errors.New("x")), ""},
		"transient":    {apierrors.NewServiceUnavailable("x"), ""},
		"not a status": {errors.New(`exceeded quota: x`), ""},
		"nil":          {nil, ""},
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, tt.want, apply.Advice(tt.err)) })
	}
}
