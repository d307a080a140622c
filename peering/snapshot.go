package peering

import (
	"context"
	"errors"
	"fmt"
	"sync"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshpeer/meshpeer/internal/apply"
	"github.com/meshpeer/meshpeer/internal/kube"
	"github.com/meshpeer/meshpeer/peering/istiod"
	"github.com/meshpeer/meshpeer/secrets"
)

// snapshot is what one API server held at one moment, read once per call for all of its links: a handful of lists, however
// many links there are.
type snapshot struct {
	*Cluster
	objects  Objects           // Cluster.Objects; what may work a moment later is tried again
	system   Object            // Namespace kube-system
	uid      string            // of it: which cluster this is
	tables   map[string]*table // by kind
	remotes  []*corev1.Secret  // every remote secret that its istiods see; read for From only
	claimed  map[string][]*corev1.Secret
	watch    *istiod.Watcher  // of its istiods; nil: nobody can ask them
	istiods  []istiod.Replica // read for From only
	noIstiod error            // why istiods is empty
	err      error            // why the cluster cannot be worked with

	gets memo[Object] // objects that are in no list
}

// role of a cluster in a call decides what is read of it.
type role struct {
	from    bool
	to      []Link // it is read
	readers string // namespace of the readers in To
	reader  string // name of the reader of the last link
	own     bool   // the links have readers of their own
	local   string // namespace of the Roles that they have besides; "" if they have none
}

// single are the objects of the reader where there is one link: a cluster need not send all its roles for that.
func (r role) single() []Object {
	if len(r.to) != 1 {
		return nil
	}
	meta := metav1.ObjectMeta{Name: r.reader}
	all := []Object{&rbacv1.ClusterRole{ObjectMeta: meta}, &rbacv1.ClusterRoleBinding{ObjectMeta: meta}}
	if !r.own {
		all = nil
	}
	if meta.Namespace = r.local; r.local != "" {
		all = append(all, &rbacv1.Role{ObjectMeta: meta}, &rbacv1.RoleBinding{ObjectMeta: meta})
	}
	meta.Namespace = r.readers
	return append(all, &corev1.ServiceAccount{ObjectMeta: meta})
}

// read makes all requests at once. Which of them failed first does not matter: each would end the links.
func (s *snapshot) read(ctx context.Context, role role) error {
	var (
		wg     sync.WaitGroup
		mu     sync.Mutex
		failed []error
	)
	do := func(read func() error) {
		wg.Go(func() {
			if err := read(); err != nil {
				mu.Lock()
				defer mu.Unlock()
				failed = append(failed, err)
			}
		})
	}
	do(func() error {
		system, err := apply.Steady(s.lasting(), apply.Policy{}).Get(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: metav1.NamespaceSystem}})
		if err == nil {
			s.system, s.uid = system, string(system.GetUID())
		}
		return err
	})
	for _, t := range tablesOf(role) {
		s.tables[kube.Kind(t.like)] = t
		do(func() error { return t.read(ctx, s.objects) })
	}
	for _, like := range role.single() {
		do(func() error {
			_, _ = s.find(ctx, like) // whoever needs it meets the error
			return nil
		})
	}
	if role.from {
		do(func() error { s.findIstiods(ctx); return nil })
		if !s.Hosted {
			do(func() (err error) { return s.readRemotes(ctx) })
		}
	}
	wg.Wait()
	if len(failed) > 0 {
		return failed[0]
	}
	return nil
}

// findIstiods lists the replicas. That there is none to ask is no failure of the cluster.
func (s *snapshot) findIstiods(ctx context.Context) {
	if s.watch == nil {
		s.noIstiod = fmt.Errorf("%w: the control plane of %q cannot be asked from here", istiod.ErrNotReady, s.ID)
		return
	}
	s.noIstiod = apply.Again(ctx, apply.Policy{}, "istiods of "+s.ID.String(), func() (err error) {
		s.istiods, err = s.watch.Replicas(ctx)
		return err
	})
	if s.noIstiod == nil && len(s.istiods) == 0 {
		s.noIstiod = fmt.Errorf("%w: no Pod labelled app=istiod in namespace %s of %q", istiod.ErrNotReady, s.namespace(), s.ID)
	}
}

// whyNoIstiod is the next step where no istiod of the cluster could be asked.
func (s *snapshot) whyNoIstiod() string {
	if missing, ok := errors.AsType[*istiod.MissingError](s.noIstiod); ok {
		return missing.Remedy
	}
	if s.Hosted {
		return "only the host of the control plane can ask it: set Peering.Workload, and Verify tells by requests"
	}
	return "let the caller list pods and create pods/portforward in istiod's namespace, set ConnectOptions.Namespace to that namespace, or fill Cluster.Istiods"
}

// readRemotes lists what istiod's secret controller sees.
func (s *snapshot) readRemotes(ctx context.Context) error {
	remotes, err := remotesOf(ctx, s.objects, s.Cluster)
	if err != nil {
		return err
	}
	s.remotes, s.claimed = remotes, map[string][]*corev1.Secret{}
	for _, secret := range remotes {
		names := map[string]bool{secret.Name: true, secrets.SecretName(secret.Labels[LabelTo]): true} // as ours, or in the way of ours
		for id := range secret.Data {
			names[secrets.SecretName(id)] = true
		}
		for name := range names {
			s.claimed[name] = append(s.claimed[name], secret)
		}
	}
	return nil
}

const remoteSecrets = secrets.LabelMultiCluster + "=true"

func remotesOf(ctx context.Context, objects Objects, c *Cluster) ([]*corev1.Secret, error) {
	return kube.ListAs(ctx, objects, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: c.namespace()}}, remoteSecrets)
}

// remotesFor are the remote secrets that name the cluster, or have the name that its own would have.
func (s *snapshot) remotesFor(id ID) []*corev1.Secret {
	return s.claimed[secrets.SecretName(id.String())]
}

// tablesOf are the kinds that are listed in a cluster: ServiceAccounts, ClusterRoles and bindings whole, so that foreign
// objects of our names are seen before anything is written. For a single link there are its tokens only.
func tablesOf(r role) (all []*table) {
	in := metav1.ObjectMeta{Namespace: r.readers}
	switch len(r.to) {
	case 0:
		return nil
	case 1:
		return []*table{{like: &corev1.Secret{ObjectMeta: in}, selector: r.to[0].selector()}}
	}
	ours := LabelManagedBy + "=" + ManagedBy
	all = append(all, &table{like: &corev1.ServiceAccount{ObjectMeta: in}}, &table{like: &corev1.Secret{ObjectMeta: in}, selector: ours})
	if r.own {
		all = append(all, &table{like: &rbacv1.ClusterRole{}}, &table{like: &rbacv1.ClusterRoleBinding{}})
	}
	if in.Namespace = r.local; r.local != "" {
		all = append(all, &table{like: &rbacv1.Role{ObjectMeta: in}}, &table{like: &rbacv1.RoleBinding{ObjectMeta: in}})
	}
	return all
}

// table is one kind as it was listed. To a caller who may not list it is empty, and objects are read one by one.
type table struct {
	like     Object
	selector string // with one, an object that is not listed may still be there
	listed   bool
	byName   map[string]Object // by namespace/name
	byLink   map[string][]Object
}

func (t *table) read(ctx context.Context, objects Objects) error {
	found, err := objects.List(ctx, t.like, t.selector)
	if apierrors.IsForbidden(err) {
		return nil
	}
	t.listed, t.byName, t.byLink = err == nil, make(map[string]Object, len(found)), map[string][]Object{}
	for _, o := range found {
		t.byName[o.GetNamespace()+"/"+o.GetName()] = o
		if from := o.GetLabels()[LabelFrom]; from != "" {
			t.byLink[from] = append(t.byLink[from], o)
		}
	}
	return err
}

// find is the object with the kind, namespace and name of like; nil if there is none. Objects are shared: nobody changes them.
func (s *snapshot) find(ctx context.Context, like Object) (Object, error) {
	t := s.tables[kube.Kind(like)]
	if t != nil && t.listed && (t.like.GetNamespace() == "" || t.like.GetNamespace() == like.GetNamespace()) {
		if o := t.byName[like.GetNamespace()+"/"+like.GetName()]; o != nil || t.selector == "" {
			return o, nil
		}
	}
	return s.gets.get(apply.Name(like), func() (Object, error) {
		o, err := find(ctx, s.objects, like)
		if apierrors.IsForbidden(err) { // who may not get may still list
			all := &table{like: like}
			if unlisted := all.read(ctx, s.objects); unlisted == nil && all.listed {
				return all.byName[like.GetNamespace()+"/"+like.GetName()], nil
			}
		}
		return o, err
	})
}

// memo makes a value once for each key, however many ask at the same time.
type memo[V any] struct {
	mu    sync.Mutex
	calls map[string]func() (V, error)
}

func (m *memo[V]) get(key string, make func() (V, error)) (V, error) {
	m.mu.Lock()
	call := m.calls[key]
	if call == nil {
		if m.calls == nil {
			m.calls = map[string]func() (V, error){}
		}
		call = sync.OnceValues(make)
		m.calls[key] = call
	}
	m.mu.Unlock()
	return call()
}
