package peeringtest

import (
	"cmp"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/selection"

	"github.com/meshpeer/meshpeer/internal/kube"
	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/secrets"
)

// store holds objects that nobody changes once they are in it: a change is another object. So readers copy what they found
// after they let go of the lock, and a pointer that is still there stands for a content that is still the same.
type store struct {
	objects map[id]peering.Object
	groups  map[group][]peering.Object // by namespace and name
	version int

	now      func() time.Time
	watchers map[id]map[*watcher]struct{}
	written  map[id]time.Time // remote secrets, the last time
	// How often remote secrets changed, and what tells where services are. Read without the lock.
	remotes, places atomic.Uint64
}

type id struct{ kind, namespace, name string }

// group is a set of objects of a kind that is asked for: all, those of a namespace, those with a label or with a value of it,
// and the bindings of a user or user group.
type group struct{ kind, by, key, value string }

const (
	byKind      = "kind"
	byNamespace = "namespace"
	byLabel     = "label"
	byValue     = "label and value"
	bySubject   = "subject"
)

func key(o peering.Object) id { return id{kube.Kind(o), o.GetNamespace(), o.GetName()} }

// put stores o, which is the store's from now on.
func (s *store) put(o peering.Object) {
	s.version++
	o.SetResourceVersion(strconv.Itoa(s.version))
	k := key(o)
	old := s.objects[k]
	if old != nil {
		s.leave(k, old)
	}
	s.objects[k] = o
	s.eachGroup(k, o, func(g group) {
		all := s.groups[g]
		if at, there := search(all, o); !there {
			s.groups[g] = slices.Insert(all, at, o)
		}
	})
	s.note(k, old, o)
}

func (s *store) drop(k id) {
	if old := s.objects[k]; old != nil {
		delete(s.objects, k)
		s.leave(k, old)
		s.note(k, old, nil)
	}
}

func (s *store) leave(k id, o peering.Object) {
	s.eachGroup(k, o, func(g group) {
		all := s.groups[g]
		switch at, there := search(all, o); {
		case there && len(all) == 1:
			delete(s.groups, g)
		case there:
			s.groups[g] = slices.Delete(all, at, at+1)
		}
	})
}

// search is where an object stands in a group, or belongs.
func search(all []peering.Object, o peering.Object) (at int, there bool) {
	return slices.BinarySearchFunc(all, o, func(a, b peering.Object) int {
		return cmp.Or(cmp.Compare(a.GetNamespace(), b.GetNamespace()), cmp.Compare(a.GetName(), b.GetName()))
	})
}

func (s *store) eachGroup(k id, o peering.Object, do func(group)) {
	do(group{k.kind, byKind, "", ""})
	if k.namespace != "" {
		do(group{k.kind, byNamespace, k.namespace, ""})
	}
	for label, value := range o.GetLabels() {
		do(group{k.kind, byLabel, label, ""})
		do(group{k.kind, byValue, label, value})
	}
	switch binding := o.(type) {
	case *rbacv1.ClusterRoleBinding:
		for _, subject := range binding.Subjects {
			do(group{k.kind, bySubject, subjectKey(subject), ""})
		}
	case *rbacv1.RoleBinding:
		for _, subject := range binding.Subjects {
			do(group{k.kind, bySubject, subjectKey(subject), binding.Namespace})
		}
	}
}

func isRemote(o peering.Object) bool {
	secret, ok := o.(*corev1.Secret)
	return ok && secret.Labels[secrets.LabelMultiCluster] == "true"
}

// in are the members of a group, by namespace and name.
func (s *store) in(g group) []peering.Object { return slices.Clone(s.groups[g]) }

// matching are the objects of a kind and, if it is not "", a namespace, which a selector matches. The work is that of the
// smallest group which holds all of them.
func (s *store) matching(kind, namespace string, selector labels.Selector) (out []peering.Object) {
	smallest := group{kind, byKind, "", ""}
	try := func(g group) {
		if len(s.groups[g]) < len(s.groups[smallest]) {
			smallest = g
		}
	}
	if namespace != "" {
		try(group{kind, byNamespace, namespace, ""})
	}
	requirements, some := selector.Requirements()
	if !some {
		return nil
	}
	for _, r := range requirements {
		switch r.Operator() {
		case selection.Equals, selection.DoubleEquals, selection.In:
			if values := r.ValuesUnsorted(); len(values) == 1 {
				try(group{kind, byValue, r.Key(), values[0]})
				continue
			}
			try(group{kind, byLabel, r.Key(), ""})
		case selection.Exists, selection.GreaterThan, selection.LessThan:
			try(group{kind, byLabel, r.Key(), ""})
		}
	}
	for _, o := range s.groups[smallest] {
		if (namespace == "" || o.GetNamespace() == namespace) && selector.Matches(labels.Set(o.GetLabels())) {
			out = append(out, o)
		}
	}
	return out
}

// find is the stored object of the type; the zero T, which is nil, if there is none.
func find[T peering.Object](s *store, kind, namespace, name string) T {
	o, _ := s.objects[id{kind, namespace, name}].(T)
	return o
}
