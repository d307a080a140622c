package peeringtest

import (
	"sync/atomic"

	rbacv1 "k8s.io/api/rbac/v1"

	"github.com/meshpeer/meshpeer/peering"
)

// watcher is told when one of the things changed that it rests on, so that an istiod which is asked fifty times a second looks
// again at nothing that is as it was.
type watcher struct {
	stale atomic.Bool
	on    []id
}

// follow makes w hear of these from now on, in place of what it followed before.
func (s *store) follow(w *watcher, on []id) {
	s.unfollow(w)
	w.on = on
	w.stale.Store(false)
	for _, k := range on {
		if s.watchers[k] == nil {
			s.watchers[k] = map[*watcher]struct{}{}
		}
		s.watchers[k][w] = struct{}{}
	}
}

func (s *store) unfollow(w *watcher) {
	for _, k := range w.on {
		if delete(s.watchers[k], w); len(s.watchers[k]) == 0 {
			delete(s.watchers, k)
		}
	}
	w.on = nil
}

func (s *store) tell(k id) {
	for w := range s.watchers[k] {
		w.stale.Store(true)
	}
}

// note tells of a change of an object. A binding is a change for its subjects, too.
func (s *store) note(k id, old, now peering.Object) {
	s.tell(k)
	for _, o := range []peering.Object{old, now} {
		switch binding := o.(type) {
		case *rbacv1.ClusterRoleBinding:
			for _, subject := range binding.Subjects {
				s.tell(subjectID(subjectKey(subject), ""))
			}
		case *rbacv1.RoleBinding:
			for _, subject := range binding.Subjects {
				s.tell(subjectID(subjectKey(subject), binding.Namespace))
			}
		}
	}
	switch k.kind {
	case "Secret":
		if isRemote(old) || isRemote(now) {
			s.remotes.Add(1)
			s.written[k] = s.now()
		}
	case "Service", "Pod", "Namespace", "EndpointSlice":
		s.places.Add(1)
	}
}

func subjectID(subject, namespace string) id { return id{bySubject, namespace, subject} }
