package rbac

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/meshpeer/meshpeer/internal/auditlog"
	"github.com/meshpeer/meshpeer/internal/invalid"
	"github.com/meshpeer/meshpeer/internal/printable"
)

// AuditOptions says whose requests [FromAudit] looks at.
type AuditOptions struct {
	// User is the name of the user, for a ServiceAccount
	// "system:serviceaccount:<namespace>:<name>". Required.
	User string

	// Names is how many names of objects a rule may list. Rules for more objects,
	// and all rules if it is zero, are for objects of any name. Only what a user
	// impersonates is always named.
	Names int
}

// Audit is what an audit log shows a user doing.
type Audit struct {
	User string

	// ClusterRules and NamespaceRules, by namespace, are the least rules that
	// allow what was allowed: the first through a ClusterRoleBinding, the others
	// through a RoleBinding in their namespace. What the first allow the others
	// leave out.
	ClusterRules   []rbacv1.PolicyRule
	NamespaceRules map[string][]rbacv1.PolicyRule

	// Allowed and Refused are what the API server's authorizers decided. An access
	// may be in both: the rules of the user have changed, or they name objects. In
	// the second case the rules here allow what was refused, unless
	// AuditOptions.Names is high enough.
	Allowed, Refused []AuditAccess

	// Unresolved is what the rules are not made for: accesses whose decision the
	// log does not show, and those that no role can allow alone, as they have a star
	// or the name of no namespace.
	Unresolved []AuditAccess

	Events int // in the log, of all users
}

// AuditAccess is an access and how many requests were for it.
type AuditAccess struct {
	Access
	Requests int
}

// BrokenAuditError is the error of [FromAudit] if parts of a log cannot be read.
type BrokenAuditError struct {
	Records int   // that cannot be read, or not wholly
	Line    int   // that the first of them begins in, from 1
	Err     error // what is wrong with the first
}

// Error tells where to look and what to do.
func (e *BrokenAuditError) Error() string {
	return fmt.Sprintf("rbac: the audit log is incomplete: %d records cannot be read, the first in line %d: %s; "+
		"give the whole log, or take the result for what it is with errors.As", e.Records, e.Line, printable.Line(e.Err.Error()))
}

// Unwrap returns what is wrong with the first record.
func (e *BrokenAuditError) Unwrap() error { return e.Err }

// FromAudit returns what an audit log shows a user doing, and the least rules that
// allow it. The log is a stream of events of audit.k8s.io/v1, as an API server
// writes them to a file, or of EventLists, as it sends them to a webhook. Use
// [io.MultiReader] for several files. The memory needed is bounded by the number of
// distinct accesses of the user, not by the log.
//
// What an audit policy leaves out, FromAudit cannot see: the policy must log all
// requests of the user, at least at level Metadata. Nor does a log show what the API
// server asks for beside the request: bind and escalate for roles that grant more
// than the user has, approve and sign for certificates, finalizers of an owner. And it
// shows what was done, not what could be: an informer of client-go that got its first
// list through a watch (WatchList) needs list only where the server cannot do that.
//
// A request made as somebody else counts for the one who was impersonated. To the
// one who did that, it counts as impersonation of each part that it names. The
// groups that the API server adds on its own are left out. Of a refused impersonation
// the log tells only the request itself, which is unresolved then.
//
// Each request counts once, by its audit ID, whatever the number of its stages. The
// counts are exact while at most 65 536 requests are under way at once. An access
// has no name with create and deletecollection, where RBAC sees none.
//
// If records cannot be read, or the log ends within one, the error is a
// [*BrokenAuditError], and the result covers the rest of the log. A log without a
// request of the user is an error, [ErrNoRules].
func FromAudit(log io.Reader, o AuditOptions) (*Audit, error) {
	if o.User == "" {
		return nil, invalid.Field("AuditOptions.User", "", "is empty", `name a user, such as "system:serviceaccount:istio-system:istiod"`)
	}
	w := &auditWork{AuditOptions: o, open: map[openRequest]bool{}, users: map[string]bool{}}
	if err := auditlog.Read(log, w.add, w.broken); err != nil {
		return nil, fmt.Errorf("rbac: read audit log: %w", err)
	}
	return w.result()
}

func (w *auditWork) result() (*Audit, error) {
	var err error
	if w.faults.Records > 0 {
		err = &w.faults
	}
	w.forget()
	a := &Audit{
		User: w.User, Events: w.events, NamespaceRules: map[string][]rbacv1.PolicyRule{},
		Allowed: w.allowed.list(), Refused: w.refused.list(), Unresolved: w.unresolved.list(),
	}
	if len(a.Allowed)+len(a.Refused)+len(a.Unresolved) == 0 {
		seen := printable.Line(strings.Join(slices.Sorted(maps.Keys(w.users)), ", "))
		return nil, errors.Join(err, fmt.Errorf("rbac: %w: the audit log has no request of user %q; its %d events are of %s; give the name of one of its users",
			ErrNoRules, w.User, w.events, cmp.Or(seen, "nobody")))
	}
	rules := map[string][]rbacv1.PolicyRule{}
	for _, allowed := range a.Allowed {
		rules[allowed.Namespace] = append(rules[allowed.Namespace], allowed.Rule())
	}
	a.ClusterRules = Missing(nil, rules[""])
	for namespace, all := range rules {
		if lacking := Missing(a.ClusterRules, all); len(lacking) > 0 && namespace != "" {
			a.NamespaceRules[namespace] = lacking
		}
	}
	return a, err
}

// Objects returns roles of that name with the rules, bound to the user, in the order to apply them: a ClusterRole and its
// binding, and a Role and its binding in each namespace. There are none of those that would have no rules.
func (a *Audit) Objects(name string) (objects []runtime.Object) {
	subject := rbacv1.Subject{Kind: rbacv1.UserKind, APIGroup: rbacv1.GroupName, Name: a.User}
	if namespace, account, ok := (Subject{User: a.User}).Account(); ok {
		subject = rbacv1.Subject{Kind: rbacv1.ServiceAccountKind, Namespace: namespace, Name: account}
	}
	kind := func(kind string) metav1.TypeMeta {
		return metav1.TypeMeta{APIVersion: rbacv1.SchemeGroupVersion.String(), Kind: kind}
	}
	role := func(kind string) rbacv1.RoleRef {
		return rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: kind, Name: name}
	}
	if len(a.ClusterRules) > 0 {
		meta := metav1.ObjectMeta{Name: name}
		objects = append(objects,
			&rbacv1.ClusterRole{TypeMeta: kind("ClusterRole"), ObjectMeta: meta, Rules: a.ClusterRules},
			&rbacv1.ClusterRoleBinding{TypeMeta: kind("ClusterRoleBinding"), ObjectMeta: meta, RoleRef: role("ClusterRole"), Subjects: []rbacv1.Subject{subject}})
	}
	for _, namespace := range slices.Sorted(maps.Keys(a.NamespaceRules)) {
		meta := metav1.ObjectMeta{Namespace: namespace, Name: name}
		objects = append(objects,
			&rbacv1.Role{TypeMeta: kind("Role"), ObjectMeta: meta, Rules: a.NamespaceRules[namespace]},
			&rbacv1.RoleBinding{TypeMeta: kind("RoleBinding"), ObjectMeta: meta, RoleRef: role("Role"), Subjects: []rbacv1.Subject{subject}})
	}
	return objects
}
