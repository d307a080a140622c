//go:build linux

package e2e_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/meshpeer/meshpeer/examples/controller/api/v1alpha1"
	"github.com/meshpeer/meshpeer/internal/lab"
	"github.com/meshpeer/meshpeer/internal/lab/labtest"
	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/peering/traffic"
	"github.com/meshpeer/meshpeer/probe"
)

const namespace = "meshpeer-system"

// scene is a lab with two replicas of the controller in cluster-1, whose Meshes it keeps.
type scene struct {
	*testing.T
	*lab.Lab
	c        client.Client
	clusters []*peering.Cluster
	program  string
	replicas map[string]*replica
	marks    []lab.AuditMark
}

// TestController: one story, because a lab takes its time to start. cluster-2 has no httpbin of its own, so that each request
// crosses to cluster-1.
func TestController(t *testing.T) {
	s := open(t)
	s.run("a")
	s.run("b")
	s.refusesNonsense()

	require.NoError(t, s.c.Create(t.Context(), aMesh()))
	await(t, "both links ready", s.ready("2/2"))
	answer := probe.Retry(traffic.Workload{}.Who(peering.Link{From: s.clusters[1], To: s.clusters[0]}.Sides()), probe.Poll{Timeout: patience}).Probe(t.Context())
	require.Equal(t, probe.Passed, answer.Status, "%s: %s", answer.Summary, answer.Hint)

	calls := labtest.Call(t, s.Clusters[1], "sleep")
	s.rotates(2)
	s.survivesAKill()
	calls.End(t) // none has failed; they are one exec, which would end with the API server

	s.survivesAnOutage()
	s.leavesAndJoins()
	s.deletes()
}

func open(t *testing.T) *scene {
	t.Helper()
	lab.RequireDataPlane(t)
	program := build(t)
	l, err := lab.Start(t.Context(), lab.Options{
		DataPlane: &lab.DataPlane{},
		Clusters:  []lab.ClusterOptions{{ID: "cluster-1"}, {ID: "cluster-2", Istiods: 2}},
	})
	require.NoError(t, err)
	t.Cleanup(func() {
		if t.Failed() {
			_ = l.Logs(os.Stderr, 15)
		}
		require.NoError(t, l.Close())
	})
	require.NoError(t, l.Clusters[1].Scale(t.Context(), "default", "httpbin", 0))
	require.NoError(t, l.Clusters[1].WaitPods(t.Context(), "default", "app=httpbin", 0))
	crd, err := os.ReadFile("../config/crd/meshpeer.io_meshes.yaml")
	require.NoError(t, err)
	require.NoError(t, l.Clusters[0].Apply(t.Context(), crd))
	scheme := runtime.NewScheme()
	require.NoError(t, clientgoscheme.AddToScheme(scheme))
	require.NoError(t, v1alpha1.AddToScheme(scheme))
	s := &scene{T: t, Lab: l, program: program, clusters: labtest.Connect(t, l), replicas: map[string]*replica{}}
	await(t, "the API server knows Meshes", func() string {
		if s.c, err = client.New(l.Clusters[0].Config, client.Options{Scheme: scheme}); err == nil {
			err = s.c.List(t.Context(), &v1alpha1.MeshList{})
		}
		return unless(err == nil, "%v", err)
	})
	require.NoError(t, s.c.Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}))
	for _, c := range l.Clusters {
		s.join(c)
		s.marks = append(s.marks, c.Audit())
	}
	return s
}

func (s *scene) run(name string) {
	s.replicas[name] = start(s.T, s.program, s.Clusters[0].Kubeconfig, name)
}

// join makes the Secret that names a member.
func (s *scene) join(c *lab.Cluster) {
	kubeconfig, err := os.ReadFile(c.Kubeconfig)
	require.NoError(s, err)
	require.NoError(s, s.c.Create(s.Context(), &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: c.ID + "-kubeconfig", Labels: map[string]string{"mesh": "shop"}},
		Data:       map[string][]byte{"value": kubeconfig},
	}))
}

func aMesh() *v1alpha1.Mesh {
	return &v1alpha1.Mesh{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "shop"},
		Spec: v1alpha1.MeshSpec{
			Members:    v1alpha1.Members{Secrets: &v1alpha1.SecretMembers{Selector: metav1.LabelSelector{MatchLabels: map[string]string{"mesh": "shop"}}}},
			Credential: v1alpha1.Credential{Kind: v1alpha1.Bound, Lifetime: &metav1.Duration{Duration: 15 * time.Minute}, RotateEvery: &metav1.Duration{Duration: 10 * time.Second}},
		},
	}
}

// refusesNonsense: the rules of the CRD stand in for a webhook.
func (s *scene) refusesNonsense() {
	for want, change := range map[string]func(*v1alpha1.MeshSpec){
		"exactly one source": func(m *v1alpha1.MeshSpec) { m.Members.File = &v1alpha1.LocalName{Name: "members.yaml"} },
		"goes with topology.kind Star": func(m *v1alpha1.MeshSpec) {
			m.Topology = v1alpha1.Topology{Kind: v1alpha1.Star}
		},
		"less than 10m":               func(m *v1alpha1.MeshSpec) { m.Credential.Lifetime.Duration = time.Minute },
		"Bound credential has a life": func(m *v1alpha1.MeshSpec) { m.Credential.Kind = v1alpha1.Durable },
	} {
		m := aMesh()
		change(&m.Spec)
		require.ErrorContains(s, s.c.Create(s.Context(), m), want)
	}
}

func (s *scene) mesh() *v1alpha1.Mesh {
	m := &v1alpha1.Mesh{}
	if err := s.c.Get(s.Context(), client.ObjectKey{Namespace: namespace, Name: "shop"}, m); err != nil {
		require.NoError(s, client.IgnoreNotFound(err))
		return nil
	}
	return m
}

func (s *scene) ready(links string) func() string {
	return func() string {
		m := s.mesh()
		c := meta.FindStatusCondition(m.Status.Conditions, v1alpha1.Ready)
		return unless(c != nil && c.Status == metav1.ConditionTrue && m.Status.LinksReady == links, "%s: %+v", m.Status.LinksReady, c)
	}
}

// generations of the links' credentials.
func (s *scene) generations() map[string]int32 {
	all := map[string]int32{}
	for _, l := range s.mesh().Status.Links {
		all[l.From+" -> "+l.To] = l.Credential
	}
	return all
}

// rotates waits for so many new credentials of each link.
func (s *scene) rotates(times int32) {
	before := s.generations()
	await(s.T, fmt.Sprintf("%d rotations of each link", times), func() string {
		for link, g := range s.generations() {
			if g < before[link]+times {
				return fmt.Sprintf("%s is at %d, and was at %d", link, g, before[link])
			}
		}
		return s.ready("2/2")()
	})
	s.onlyOnce()
}

// onlyOnce: each generation of each link was made once, whoever made it, and one credential of each link is left.
func (s *scene) onlyOnce() {
	s.Helper()
	for i, c := range s.Clusters {
		made := map[string]int{}
		events, err := c.AuditSince(s.marks[i])
		require.NoError(s, err)
		for _, e := range events {
			if e.Verb == "create" && e.Resource == "secrets" && e.Subresource == "" && e.Code == 201 && strings.HasPrefix(e.Name, "meshpeer-reader-") {
				made[e.Name]++
			}
		}
		require.NotEmpty(s, made)
		for name, n := range made {
			require.Equal(s, 1, n, "%s in %s", name, c.ID)
		}
	}
}

// credentials that open members and are backed by an object.
func (s *scene) credentials() (n int) {
	all, err := peering.Credentials(s.Context(), s.clusters...)
	require.NoError(s, err)
	for _, c := range all {
		if c.Object != "" {
			n++
		}
	}
	return n
}

// leader is the replica that says that it leads; the other waits.
func (s *scene) leader() *replica {
	var leads *replica
	await(s.T, "somebody leads", func() string {
		for _, r := range s.replicas {
			select {
			case <-r.over:
			default:
				if strings.Contains(r.text(), "Successfully acquired lease") {
					leads = r
				}
			}
		}
		return unless(leads != nil, "no replica says so")
	})
	return leads
}

// survivesAKill ends the leader the moment that it has made a new credential, before istiods have it.
func (s *scene) survivesAKill() {
	leads := s.leader()
	mark := s.Clusters[0].Audit()
	await(s.T, "a rotation has begun", func() string {
		events, err := s.Clusters[0].AuditSince(mark)
		require.NoError(s, err)
		for _, e := range events {
			if e.Verb == "create" && e.Resource == "secrets" && strings.HasPrefix(e.Name, "meshpeer-reader-") {
				return ""
			}
		}
		return "no credential was made"
	})
	leads.kill(s.T)
	delete(s.replicas, leads.name)
	s.rotates(1)
	require.NotEqual(s, leads, s.leader())
	s.run("c")
	await(s.T, "one credential for each link", func() string {
		n := s.credentials()
		return unless(n <= 3, "%d", n) // of which one may be about to be replaced
	})
}

// survivesAnOutage stops the API server of a member; the members' traffic does not notice, and the Mesh is well again.
func (s *scene) survivesAnOutage() {
	s.Clusters[1].StopAPIServer()
	await(s.T, "the outage is seen", func() string {
		c := meta.FindStatusCondition(s.mesh().Status.Conditions, v1alpha1.Ready)
		return unless(c.Status != metav1.ConditionTrue, "%s", c.Message)
	})
	require.NotNil(s, meta.FindStatusCondition(s.mesh().Status.Conditions, v1alpha1.Ready))
	require.NoError(s, s.Clusters[1].StartAPIServer(s.Context()))
	await(s.T, "both links ready after the outage", s.ready("2/2"))
	s.onlyOnce()
}

// leavesAndJoins takes the Secret of a member away, and puts it back.
func (s *scene) leavesAndJoins() {
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "cluster-2-kubeconfig"}}
	require.NoError(s, s.c.Delete(s.Context(), secret))
	await(s.T, "the leaver's links are removed", func() string {
		return unless(len(s.mesh().Status.Links) == 0, "%v", s.mesh().Status.Links)
	})
	require.Zero(s, s.credentials())
	c := meta.FindStatusCondition(s.mesh().Status.Conditions, v1alpha1.Ready)
	require.Equal(s, "TooFewMembers", c.Reason)
	s.join(s.Clusters[1])
	await(s.T, "the joiner's links are ready", s.ready("2/2"))
}

// deletes the Mesh, and stops the replicas: the leader's Lease is released.
func (s *scene) deletes() {
	require.NoError(s, s.c.Delete(s.Context(), s.mesh()))
	await(s.T, "the Mesh is gone", func() string {
		m := s.mesh()
		return unless(m == nil, "%+v", m)
	})
	require.Zero(s, s.credentials())
	leads := s.leader()
	for name, r := range s.replicas {
		if r != leads {
			r.stop(s.T)
			delete(s.replicas, name)
		}
	}
	leads.stop(s.T)
	require.Empty(s, holder(s.T, s.c))
	s.told()
}

// told: Events say what became of the Mesh.
func (s *scene) told() {
	var events corev1.EventList
	require.NoError(s, s.c.List(s.Context(), &events, client.InNamespace(namespace)))
	reasons := map[string]int{}
	for _, e := range events.Items {
		if e.InvolvedObject.Kind == "Mesh" {
			reasons[e.Reason]++
		}
	}
	s.Logf("Events by reason: %v", reasons)
	require.NotZero(s, reasons["AllWell"])
	require.NotZero(s, reasons["Removed"])
}
