package rbac

import (
	"slices"
	"strings"

	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/util/validation"
)

// The users and groups that an API server gives by itself (Kubernetes
// apiserver pkg/authentication/user and pkg/authentication/serviceaccount).
const (
	accountPrefix        = "system:serviceaccount:"
	accountsGroup        = "system:serviceaccounts"
	authenticatedGroup   = "system:authenticated"
	unauthenticatedGroup = "system:unauthenticated"
	anonymousUser        = "system:anonymous"
	mastersGroup         = "system:masters"
)

// Subject is who asks an API server: the user and the groups that authentication
// found. [ServiceAccount] makes that of an account. A Subject without User is any
// member of its groups.
type Subject struct {
	// User is the name, such as "jane" or "system:serviceaccount:shop:cart".
	User string
	// Groups are those that the subject is in, such as "shop-team". The groups that
	// an API server adds by itself need not be here: see AllGroups.
	Groups []string
}

// ServiceAccount is the subject of a pod that runs as this account.
func ServiceAccount(namespace, name string) Subject {
	return Subject{User: accountPrefix + namespace + ":" + name}
}

// Anonymous is the subject of a request without credentials.
func Anonymous() Subject { return Subject{User: anonymousUser} }

// AllGroups returns the groups with those that an API server adds by itself:
// system:serviceaccounts and system:serviceaccounts:<namespace> for a service
// account, and for everybody system:authenticated, or system:unauthenticated for
// system:anonymous. [Policy.Allows] counts them. An access review does not add
// them: give it these.
func (s Subject) AllGroups() []string {
	groups := slices.Clone(s.Groups)
	add := func(group string) {
		if !slices.Contains(groups, group) {
			groups = append(groups, group)
		}
	}
	if namespace, _, ok := s.Account(); ok {
		add(accountsGroup)
		add(accountsGroup + ":" + namespace)
	}
	switch {
	case s.User == anonymousUser:
		add(unauthenticatedGroup)
	case !slices.Contains(groups, unauthenticatedGroup):
		add(authenticatedGroup)
	}
	return groups
}

// Is tells whether a subject of a binding, as in [Grant], stands for this one: by its
// user name, or by a group that it is in.
func (s Subject) Is(of rbacv1.Subject) bool { return slices.Contains(s.keys(), keyOf(of)) }

// String returns the subject for messages: "ServiceAccount shop/cart",
// "User jane in groups a, b", "Group a".
func (s Subject) String() string {
	who := "User " + s.User
	if namespace, name, ok := s.Account(); ok {
		who = "ServiceAccount " + namespace + "/" + name
	}
	groups := strings.Join(s.Groups, ", ")
	switch {
	case len(s.Groups) == 0:
		return who
	case s.User == "" && len(s.Groups) == 1:
		return "Group " + groups
	case s.User == "":
		return "Groups " + groups
	}
	return who + " in groups " + groups
}

// empty tells whether nobody is named: no API server sees such a request.
func (s Subject) empty() bool { return s.User == "" && len(s.Groups) == 0 }

// Account splits the user name of a service account; ok is false for any other user (Kubernetes apiserver
// pkg/authentication/serviceaccount, SplitUsername).
func (s Subject) Account() (namespace, name string, ok bool) {
	rest, is := strings.CutPrefix(s.User, accountPrefix)
	namespace, name, _ = strings.Cut(rest, ":")
	if !is || len(validation.IsDNS1123Label(namespace)) > 0 || len(validation.IsDNS1123Subdomain(name)) > 0 {
		return "", "", false
	}
	return namespace, name, true
}

// keys are the names under which bindings hold for the subject: see keyOf.
func (s Subject) keys() []string {
	groups := s.AllGroups()
	keys := make([]string, 0, len(groups)+1)
	if s.User != "" {
		keys = append(keys, "User "+s.User)
	}
	for _, group := range groups {
		keys = append(keys, "Group "+group)
	}
	return keys
}

// keyOf is what a subject of a binding matches; "" is nobody (Kubernetes pkg/registry/rbac/validation/rule.go,
// appliesToUser). A service account is the user of that name, however it is spelt in the binding.
func keyOf(s rbacv1.Subject) string {
	switch s.Kind {
	case rbacv1.UserKind, rbacv1.GroupKind:
		return s.Kind + " " + s.Name
	case rbacv1.ServiceAccountKind:
		return "User " + accountPrefix + s.Namespace + ":" + s.Name
	}
	return ""
}
