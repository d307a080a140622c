package peering_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/peering/peeringtest"
	"github.com/meshpeer/meshpeer/peering/preflight"
	"github.com/meshpeer/meshpeer/rbac"
)

// TestSurvey: for one link its objects are read by their names, for several they are listed, and the other way where the caller
// may do that only. A foreign object is seen each way.
func TestSurvey(t *testing.T) {
	for _, links := range []int{1, 2} {
		for _, refused := range []string{"", "list", "get"} {
			for _, foreign := range []bool{false, true} {
				t.Run(fmt.Sprintf("%d/may not %s/foreign %t", links, refused, foreign), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						mesh := peeringtest.NewMesh("east", "south", "west")
						west := mesh.Member("west")
						all := peering.Star(west.Cluster, mesh.Member("east").Cluster, mesh.Member("south").Cluster)
						all = []peering.Link{all[1], all[3]}[:links]
						if foreign {
							must(t, west, &rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: "meshpeer-reader-east"}})
						}
						west.ForgetCalls()
						west.Before = func(c peeringtest.Call) error {
							if c.Verb == refused && c.Kind != "Secret" && c.Kind != "Namespace" && c.Kind != "ConfigMap" {
								return apierrors.NewForbidden(schema.GroupResource{Resource: c.Kind}, "", errors.New("rbac"))
							}
							return nil
						}
						report, err := (&peering.Peering{Reader: rbac.Options{Profile: rbac.Minimal}}).Ensure(t.Context(), all...)
						west.Before = nil
						listed := map[string]bool{}
						for _, c := range west.Calls() {
							if c.Verb == "list" {
								listed[c.Kind] = true
							}
						}
						for _, kind := range []string{"ServiceAccount", "ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"} {
							require.Equal(t, links > 1 && refused != "list" || links == 1 && refused == "get", listed[kind], kind)
						}
						if !foreign {
							require.NoError(t, err)
							return
						}
						var other *peering.ForeignObjectError
						require.ErrorAs(t, report.Links[0].Error, &other)
						require.Equal(t, peering.StageRead, report.Links[0].Error.Stage)
						require.Equal(t, 6*(links-1), writes(west), "of the other link")
					})
				})
			}
		}
	}
}

// asked counts what a preflight reads of a cluster.
type asked struct {
	preflight.Reader
	mu   sync.Mutex
	what map[string]int
}

func (a *asked) add(verb string, o peering.Object, selector string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.what[strings.TrimSpace(fmt.Sprintf("%s %T %s%s", verb, o, o.GetName(), selector))]++
}

func (a *asked) Get(ctx context.Context, o peering.Object) (peering.Object, error) {
	a.add("get", o, "")
	return a.Reader.Get(ctx, o)
}

func (a *asked) List(ctx context.Context, o peering.Object, selector string) ([]peering.Object, error) {
	a.add("list", o, selector)
	return a.Reader.List(ctx, o, selector)
}

// TestPreflightKnowsTheSurvey: what the call has read of a cluster is not read again, whatever the number of links.
func TestPreflightKnowsTheSurvey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mesh := peeringtest.NewMesh("east", "south", "west")
		var readers []*asked
		for _, c := range mesh.Clusters() {
			readers = append(readers, &asked{Reader: c.Checks.Reader, what: map[string]int{}})
			c.Checks.Reader = readers[len(readers)-1]
		}
		_, err := new(peering.Peering).Ensure(t.Context(), peering.Mesh(mesh.Clusters()...)...)
		require.NoError(t, err)
		for _, r := range readers {
			require.Equal(t, 1, r.what["list *v1.Pod"], "%v", r.what)
			require.Zero(t, r.what["get *v1.Namespace kube-system"], "%v", r.what)
			require.Zero(t, r.what["list *v1.Secret istio/multiCluster=true"], "%v", r.what)
		}
	})
}

// TestPreflightAfterAWait: a link that waited for another run is judged by what is there after that, not by the survey before.
func TestPreflightAfterAWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mesh := peeringtest.NewMesh("east", "west")
		east, west := mesh.Member("east"), mesh.Member("west")
		reader := &asked{Reader: east.Checks.Reader, what: map[string]int{}}
		east.Checks.Reader = reader
		must(t, west, &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{
			Namespace: "istio-system", Name: "meshpeer-reader-east", Annotations: map[string]string{peering.AnnotationRun: "another"},
			Labels: map[string]string{peering.LabelManagedBy: peering.ManagedBy, peering.LabelFrom: "east", peering.LabelTo: "west"},
		}})
		start := time.Now()
		_, err := (&peering.Peering{LockTimeout: 5 * time.Second}).Ensure(t.Context(), peering.Link{From: east.Cluster, To: west.Cluster})
		require.NoError(t, err)
		require.GreaterOrEqual(t, time.Since(start), 5*time.Second)
		require.Equal(t, 1, reader.what["list *v1.Secret istio/multiCluster=true"], "%v", reader.what)
	})
}
