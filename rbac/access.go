package rbac

import (
	"strconv"
	"strings"

	authorizationv1 "k8s.io/api/authorization/v1"
	rbacv1 "k8s.io/api/rbac/v1"
)

// Access is one request to an API server, in the terms of a SubjectAccessReview.
// [ParseAccess] reads one from text. [Access.Validate] tells whether such a
// request is possible.
type Access struct {
	// Verb is the API verb in lower case, such as "list"; for a Path the HTTP
	// method in lower case.
	Verb string

	Group       string // API group without version, such as "apps"; "" is the core group
	Resource    string // plural, such as "pods"; "pods/log" counts as Resource and Subresource
	Subresource string // such as "log"
	// Namespace is for messages and reviews. [Allows] ignores it: a rule bound by
	// a ClusterRoleBinding holds in every namespace. "" is any namespace, or none
	// for a cluster-scoped resource.
	Namespace string
	// Name is the object's; "" for create and deletecollection. A list or watch
	// has a name if its field selector is metadata.name=<name>, which is what an
	// informer for one object sends (Kubernetes apiserver
	// pkg/endpoints/request/requestinfo.go).
	Name string

	// Path is the URL path of a non-resource request, such as "/healthz". With it,
	// Verb is the only other field that counts.
	Path string
}

// String returns the access for messages: "list pods in namespace a",
// "get deployments.apps/scale named b". A name with blanks stands in quotes.
// [ParseAccess] reads it.
func (a Access) String() string {
	if a.Path != "" {
		return a.Verb + " " + a.Path
	}
	a = a.split()
	s := a.Verb + " " + qualify(a.Group, a.Resource, a.Subresource)
	if a.Name != "" {
		name := a.Name
		if strings.ContainsAny(name, " \"'") {
			name = strconv.Quote(name)
		}
		s += " named " + name
	}
	if a.Namespace != "" {
		s += " in namespace " + a.Namespace
	}
	return s
}

// split moves a subresource written into Resource to its own field.
func (a Access) split() Access {
	if a.Subresource == "" {
		a.Resource, a.Subresource, _ = strings.Cut(a.Resource, "/")
	}
	return a
}

// Rule returns the narrowest rule that allows the access. Without a name it is for
// objects of any name. The namespace is that of the binding.
func (a Access) Rule() rbacv1.PolicyRule {
	rule := rbacv1.PolicyRule{Verbs: []string{a.Verb}}
	if a.Path != "" {
		rule.NonResourceURLs = []string{a.Path}
		return rule
	}
	a = a.split()
	if a.Subresource != "" {
		a.Resource += "/" + a.Subresource
	}
	rule.APIGroups, rule.Resources = []string{a.Group}, []string{a.Resource}
	if a.Name != "" {
		rule.ResourceNames = []string{a.Name}
	}
	return rule
}

// ResourceAttributes returns the access as an access review asks for it; nil if
// it has a Path.
func (a Access) ResourceAttributes() *authorizationv1.ResourceAttributes {
	if a.Path != "" {
		return nil
	}
	a = a.split()
	return &authorizationv1.ResourceAttributes{
		Verb: a.Verb, Group: a.Group, Resource: a.Resource, Subresource: a.Subresource, Namespace: a.Namespace, Name: a.Name,
	}
}

// NonResourceAttributes returns the access as an access review asks for it; nil
// if it has no Path.
func (a Access) NonResourceAttributes() *authorizationv1.NonResourceAttributes {
	if a.Path == "" {
		return nil
	}
	return &authorizationv1.NonResourceAttributes{Verb: a.Verb, Path: a.Path}
}

// FromResourceAttributes returns the access that a review asks for. The version
// and the selectors are left out: RBAC looks at neither. For nil it returns the
// zero Access, which [Access.Validate] refuses.
func FromResourceAttributes(r *authorizationv1.ResourceAttributes) Access {
	if r == nil {
		return Access{}
	}
	return Access{Verb: r.Verb, Group: r.Group, Resource: r.Resource, Subresource: r.Subresource, Namespace: r.Namespace, Name: r.Name}
}

// FromNonResourceAttributes returns the access that a review asks for. For nil it
// returns the zero Access, which [Access.Validate] refuses.
func FromNonResourceAttributes(r *authorizationv1.NonResourceAttributes) Access {
	if r == nil {
		return Access{}
	}
	return Access{Verb: r.Verb, Path: r.Path}
}
