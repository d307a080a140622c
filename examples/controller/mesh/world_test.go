package mesh_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/meshpeer/meshpeer/examples/controller/api/v1alpha1"
	"github.com/meshpeer/meshpeer/examples/controller/mesh"
	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/peering/peeringtest"
	"github.com/meshpeer/meshpeer/rbac"
)

// world is a Mesh with its members in memory, and a Reconciler that a test drives by hand.
type world struct {
	t       *testing.T
	key     types.NamespacedName
	members *peeringtest.Mesh
	client  client.Client
	r       *mesh.Reconciler

	mu       sync.Mutex
	listed   []string // whom the source names
	unlisted error    // why it cannot
	broken   map[string]error
	dead     bool // the process: it writes no status
	forgot   bool // the connections, as a new process has
	events   []string
	patches  int // of the status
}

// newWorld makes a Mesh of members, with a spec whose defaults are those of the CRD.
func newWorld(t *testing.T, o peeringtest.Options, change ...func(*v1alpha1.MeshSpec)) *world {
	w := &world{t: t, key: types.NamespacedName{Namespace: "mesh-system", Name: "shop"}, members: peeringtest.New(o)}
	for _, m := range w.members.Members() {
		w.listed = append(w.listed, m.ID.String())
	}
	scheme := runtime.NewScheme()
	require.NoError(t, v1alpha1.AddToScheme(scheme))
	m := &v1alpha1.Mesh{ObjectMeta: metav1.ObjectMeta{Namespace: w.key.Namespace, Name: w.key.Name, UID: "1", Generation: 1}}
	m.Spec = v1alpha1.MeshSpec{
		Topology:   v1alpha1.Topology{Kind: v1alpha1.FullMesh},
		Credential: v1alpha1.Credential{Kind: v1alpha1.Bound},
		Deletion:   v1alpha1.Deletion{Policy: v1alpha1.Revoke, Deadline: metav1.Duration{Duration: 10 * time.Minute}},
		Mode:       v1alpha1.Enforce, RecheckEvery: metav1.Duration{Duration: 24 * time.Hour},
	}
	for _, c := range change {
		c(&m.Spec)
	}
	w.client = fake.NewClientBuilder().WithScheme(scheme).WithObjects(m).WithStatusSubresource(m).
		WithInterceptorFuncs(interceptor.Funcs{SubResourcePatch: func(ctx context.Context, c client.Client, sub string, o client.Object, p client.Patch, opts ...client.SubResourcePatchOption) error {
			w.mu.Lock()
			w.patches++
			dead := w.dead
			w.mu.Unlock()
			if dead {
				return errFailed
			}
			return c.SubResource(sub).Patch(ctx, o, p, opts...)
		}}).Build()
	w.r = w.reconciler()
	return w
}

// reconciler is one more process.
func (w *world) reconciler() *mesh.Reconciler {
	return &mesh.Reconciler{
		Client: w.client, Events: w, Connector: w,
		Sources: func(*v1alpha1.Mesh) (mesh.Source, error) { return w, nil },
		Base:    peering.Peering{Reader: rbac.Options{Profile: rbac.Minimal}},
	}
}

// Members is mesh.Source.
func (w *world) Members(context.Context) (all []mesh.Member, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, id := range w.listed {
		parsed, err := peering.ParseID(id)
		require.NoError(w.t, err)
		all = append(all, mesh.Member{ID: parsed, Err: w.broken[id]})
	}
	return all, w.unlisted
}

// Connect is mesh.Connector.
func (w *world) Connect(_ context.Context, _ types.NamespacedName, m mesh.Member) (*peering.Cluster, error) {
	if found := w.members.Member(m.ID.String()); found != nil {
		return found.Cluster, nil
	}
	return nil, errors.New("no such member")
}

// Last is mesh.Connector.
func (w *world) Last(_ types.NamespacedName, id peering.ID) (*peering.Cluster, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	found := w.members.Member(id.String())
	if w.forgot || found == nil {
		return nil, false
	}
	return found.Cluster, true
}

// Keep is mesh.Connector.
func (w *world) Keep(types.NamespacedName, ...peering.ID) {}

// Eventf is events.EventRecorder.
func (w *world) Eventf(_, _ runtime.Object, kind, reason, _, note string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.events = append(w.events, kind+" "+reason+" "+fmt.Sprintf(note, args...))
}

// told are the Events since the last call.
func (w *world) told() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	told := w.events
	w.events = nil
	return told
}

func (w *world) pass() reconcile.Result {
	w.t.Helper()
	result, err := w.r.Reconcile(w.t.Context(), reconcile.Request{NamespacedName: w.key})
	require.NoError(w.t, err)
	return result
}

// run reconciles as a manager does, for so long.
func (w *world) run(length time.Duration) {
	w.t.Helper()
	for end := time.Now().Add(length); ; {
		after := w.pass().RequeueAfter
		if after == 0 {
			after = length
		}
		if wait := min(after, time.Until(end)); wait > 0 {
			time.Sleep(wait)
		}
		if !time.Now().Before(end) {
			return
		}
	}
}

// mesh reads the Mesh; nil if it is gone.
func (w *world) mesh() *v1alpha1.Mesh {
	m := &v1alpha1.Mesh{}
	err := w.client.Get(w.t.Context(), w.key, m)
	if apierrors.IsNotFound(err) {
		return nil
	}
	require.NoError(w.t, err)
	return m
}

// change edits the Mesh as a user does.
func (w *world) change(edit func(*v1alpha1.Mesh)) {
	m := w.mesh()
	edit(m)
	m.Generation++ // the API server's work
	require.NoError(w.t, w.client.Update(w.t.Context(), m))
}

func (w *world) list(ids ...string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.listed = ids
}

func (w *world) condition(kind string) metav1.Condition {
	w.t.Helper()
	c := meta.FindStatusCondition(w.mesh().Status.Conditions, kind)
	require.NotNil(w.t, c, kind)
	return *c
}

func (w *world) requireReady(links string) {
	w.t.Helper()
	c := w.condition(v1alpha1.Ready)
	require.Equal(w.t, metav1.ConditionTrue, c.Status, "%s: %s", c.Reason, c.Message)
	require.Equal(w.t, links, w.mesh().Status.LinksReady)
}

func (w *world) link(from, to string) *v1alpha1.LinkStatus {
	m := w.mesh()
	i := slices.IndexFunc(m.Status.Links, func(l v1alpha1.LinkStatus) bool { return l.From == from && l.To == to })
	if i < 0 {
		return nil
	}
	return &m.Status.Links[i]
}

// calls are the requests of all members, and how many of them write.
func (w *world) calls() (all, writes int) {
	for _, m := range w.members.Members() {
		for _, c := range m.Calls() {
			if all++; c.Write() {
				writes++
			}
		}
	}
	return all, writes
}

func (w *world) forgetCalls() {
	for _, m := range w.members.Members() {
		m.ForgetCalls()
	}
}

// credentials are those that open members, with their holders.
func (w *world) credentials() []peering.Credential {
	all, err := peering.Credentials(w.t.Context(), w.members.Clusters()...)
	require.NoError(w.t, err)
	return all
}

// requireRevokedExcept: what could be reached was cleaned up. A Secret left in the other may hold a token that nothing backs.
func (w *world) requireRevokedExcept(id string) {
	w.t.Helper()
	for _, c := range w.credentials() {
		require.True(w.t, c.Object == "" || c.Cluster.String() == id && len(c.Holders) == 0, "%+v", c)
	}
}

func having(all []string, parts ...string) (n int) {
	for _, text := range all {
		if !slices.ContainsFunc(parts, func(p string) bool { return !strings.Contains(text, p) }) {
			n++
		}
	}
	return n
}

var errFailed = errors.New("it cannot be asked")

func scale(t *testing.T, m *peeringtest.Member, name string, replicas int32) error {
	o, err := m.Get(t.Context(), &appsv1.Deployment{TypeMeta: metav1.TypeMeta{APIVersion: "apps/v1", Kind: "Deployment"}, ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: name}})
	if err != nil {
		return err
	}
	d := o.(*appsv1.Deployment)
	d.Spec.Replicas = &replicas
	_, err = m.Update(t.Context(), d)
	return err
}
