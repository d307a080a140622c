package rbac

import (
	"cmp"
	"errors"
	"math"
	"net/url"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/meshpeer/meshpeer/internal/auditlog"
)

// maxOpen bounds the requests that are remembered until they end.
const maxOpen = 1 << 16

// auditWork collects the requests of one user.
type auditWork struct {
	AuditOptions
	faults                       BrokenAuditError
	events                       int
	users                        map[string]bool      // a few of the others
	open                         map[openRequest]bool // under way; true if counted
	allowed, refused, unresolved tallies
}

// openRequest has the access too: a client may choose the ID.
type openRequest struct {
	id     string
	access Access
}

func (w *auditWork) broken(line int, err error) {
	if w.faults.Records++; w.faults.Err == nil {
		w.faults.Line, w.faults.Err = line, err
	}
}

func (w *auditWork) add(e *auditlog.Event) error {
	w.events++
	if e.User.Name != w.User && e.As.Name != w.User {
		if len(w.users) < 8 {
			w.users[e.User.Name] = true
		}
		return nil
	}
	a, err := auditedAccess(e)
	if err != nil {
		return err
	}
	request := openRequest{e.ID, a}
	counted := w.open[request]
	if !counted && e.Stage != auditlog.Received {
		w.count(e, a)
		counted = true
	}
	if e.Stage == auditlog.Complete || e.Stage == auditlog.Panic {
		delete(w.open, request)
		return nil
	}
	if len(w.open) >= maxOpen {
		w.forget()
	}
	w.open[request] = counted
	return nil
}

// count files a request by what became of it.
func (w *auditWork) count(e *auditlog.Event, a Access) {
	if e.User.Name == w.User && e.As.Name != "" {
		for _, part := range impersonation(e, a) {
			w.allowed.add(part, math.MaxInt)
		}
		if e.As.Name != w.User {
			return
		}
	}
	switch decision, code := e.Annotations["authorization.k8s.io/decision"], e.Response.Code; {
	case decision == "forbid":
		w.refused.add(a, w.Names)
	case !a.grantable(), decision != "allow" && (code < 200 || code >= 400):
		w.unresolved.add(a, w.Names)
	default:
		w.allowed.add(a, w.Names)
	}
}

// grantable tells whether a role can allow the access and nothing else: no star stands for others, and the namespace can be.
func (a Access) grantable() bool {
	starred := a.Verb == "*" || a.Group == "*" || a.Resource == "*" || strings.HasSuffix(a.Path, "*")
	return !starred && (a.Namespace == "" || len(validation.IsDNS1123Label(a.Namespace)) == 0)
}

// forget empties open. What has not been decided never will be.
func (w *auditWork) forget() {
	for request, counted := range w.open {
		if !counted {
			w.unresolved.add(request.access, w.Names)
		}
	}
	clear(w.open)
}

// tallies counts requests by access without its name.
type tallies map[Access]*tally

type tally struct {
	requests int
	names    map[string]int // nil: any name
}

// add counts a request, and its name while there are no more than limit of them.
func (t *tallies) add(a Access, limit int) {
	if *t == nil {
		*t = tallies{}
	}
	name := a.Name
	a.Name = ""
	of := (*t)[a]
	if of == nil {
		of = &tally{names: map[string]int{}}
		(*t)[a] = of
	}
	of.requests++
	if of.names == nil {
		return
	}
	if of.names[name]++; name == "" || len(of.names) > limit {
		of.names = nil
	}
}

func (t tallies) list() (all []AuditAccess) {
	for a, of := range t {
		if of.names == nil {
			all = append(all, AuditAccess{a, of.requests})
		}
		for name, requests := range of.names {
			a.Name = name
			all = append(all, AuditAccess{a, requests})
		}
	}
	slices.SortFunc(all, func(a, b AuditAccess) int { return compareAccess(a.Access, b.Access) })
	return all
}

// compareAccess orders as people read: what belongs together, and the verbs in the order of their power.
func compareAccess(a, b Access) int {
	verb := func(a Access) int { return (slices.Index(apiVerbs, a.Verb) + len(apiVerbs)) % len(apiVerbs) }
	return cmp.Or(
		cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Path, b.Path), cmp.Compare(a.Group, b.Group),
		cmp.Compare(a.Resource, b.Resource), cmp.Compare(a.Subresource, b.Subresource),
		cmp.Compare(verb(a), verb(b)), cmp.Compare(a.Verb, b.Verb), cmp.Compare(a.Name, b.Name))
}

// auditedAccess is what the authorizers were asked for.
func auditedAccess(e *auditlog.Event) (Access, error) {
	if e.Object.Resource == "" {
		u, err := url.ParseRequestURI(e.URI)
		if err != nil || u.Path == "" {
			return Access{}, errors.New("its requestURI is none")
		}
		return Access{Verb: e.Verb, Path: u.Path}, nil
	}
	a := Access{Verb: e.Verb, Group: e.Object.Group, Resource: e.Object.Resource, Subresource: e.Object.Subresource, Namespace: e.Object.Namespace, Name: e.Object.Name}
	if a.Verb == "deletecollection" || a.Verb == "create" && a.Subresource == "" {
		a.Name = "" // was filled in from the object (Kubernetes apiserver pkg/audit/request.go, LogRequestObject)
		if a.Group == "" && a.Resource == "namespaces" {
			a.Namespace = ""
		}
	}
	return a, nil
}

// impersonation is what a user needs to act as another for the access a, as the API server breaks it down (Kubernetes
// apiserver pkg/endpoints/filters/impersonation).
func impersonation(e *auditlog.Event, a Access) []Access {
	const authentication = "authentication.k8s.io"
	part := Access{Verb: "impersonate", Resource: "users", Name: e.As.Name}
	added := []string{authenticatedGroup, unauthenticatedGroup}
	var needed []Access
	if e.Mode.Verb != "" {
		part.Verb, part.Group = e.Mode.Verb, authentication
		a.Verb = strings.Replace(e.Mode.Verb, "impersonate:", "impersonate-on:", 1) + ":" + a.Verb
		needed = append(needed, a)
	}
	group, uid, extra := part, part, part
	group.Resource = "groups"
	uid.Group, uid.Resource = authentication, "uids"
	extra.Group, extra.Resource = authentication, "userextras"

	node, isNode := strings.CutPrefix(e.As.Name, "system:node:")
	if namespace, name, ok := (Subject{User: e.As.Name}).Account(); ok {
		part.Resource, part.Namespace, part.Name = "serviceaccounts", namespace, name
		added = append(added, accountsGroup, accountsGroup+":"+namespace)
	} else if isNode && e.Mode.Verb != "" {
		part.Resource, part.Name = "nodes", node
		added = append(added, "system:nodes")
		if e.Mode.Verb == "impersonate:associated-node" {
			part.Name = "*" // is asked for in place of the node's
		}
	}
	needed = append(needed, part)
	for _, group.Name = range e.As.Groups {
		if !slices.Contains(added, group.Name) {
			needed = append(needed, group)
		}
	}
	if uid.Name = e.As.UID; uid.Name != "" {
		needed = append(needed, uid)
	}
	for key, values := range e.As.Extra {
		for _, extra.Name = range values {
			extra.Subresource = key
			needed = append(needed, extra)
		}
	}
	return needed
}
