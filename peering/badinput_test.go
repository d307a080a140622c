package peering_test

import (
	"crypto/rand"
	"errors"
	"net"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/peering/peeringtest"
	"github.com/meshpeer/meshpeer/peering/traffic"
	"github.com/meshpeer/meshpeer/rbac"
	"github.com/meshpeer/meshpeer/secrets"
)

func TestBadCalls(t *testing.T) {
	mesh, east, west, link := pair()
	twin := *west.Cluster
	bare := &peering.Cluster{ID: peering.MustID("bare")}
	noBearer := *west.Cluster
	noBearer.As = nil
	for name, tt := range map[string]struct {
		p     peering.Peering
		links []peering.Link
		want  string
	}{
		"no links":             {links: nil, want: "no links"},
		"nil cluster":          {links: []peering.Link{{From: east.Cluster}}, want: "To is nil"},
		"no ID":                {links: []peering.Link{{From: east.Cluster, To: &peering.Cluster{}}}, want: "has no ID"},
		"nil Objects":          {links: []peering.Link{{From: east.Cluster, To: bare}}, want: `"bare" has no Objects`},
		"nil As":               {links: []peering.Link{{From: east.Cluster, To: &noBearer}}, want: `"west" has no As`},
		"linked to itself":     {links: []peering.Link{{From: east.Cluster, To: east.Cluster}}, want: "linked to itself"},
		"two clusters, one ID": {links: []peering.Link{link, {From: east.Cluster, To: &twin}}, want: "second Cluster with this ID"},
		"same link twice":      {links: []peering.Link{link, link}, want: "named twice"},
		"endpoint":             {links: []peering.Link{{From: east.Cluster, To: west.Cluster, Endpoint: &secrets.Endpoint{Server: "http://10.0.0.1"}}}, want: "https"},
		"loopback endpoint":    {links: []peering.Link{{From: east.Cluster, To: west.Cluster, Endpoint: &secrets.Endpoint{Server: "https://127.0.0.1:6443"}}}, want: "address of the local host"},
		"named reader":         {p: peering.Peering{Reader: rbac.Options{Name: "mine"}}, links: []peering.Link{link}, want: `Name "mine"`},
		"nameless account":     {p: peering.Peering{Account: &peering.Account{}}, links: []peering.Link{link}, want: "Account.Name is empty"},
		"credential kind":      {p: peering.Peering{Credential: "eternal"}, links: []peering.Link{link}, want: `"eternal"`},
	} {
		t.Run(name, func(t *testing.T) {
			report, err := tt.p.Ensure(t.Context(), tt.links...)
			require.ErrorContains(t, err, tt.want)
			require.Nil(t, report)
		})
	}
	for _, c := range mesh.Clusters() {
		require.Empty(t, mesh.Member(c.ID.String()).Calls(), "answered without a request")
	}
}

// TestRefusedBeforeAnyWrite: what only the clusters can tell, and is told before anything is written.
func TestRefusedBeforeAnyWrite(t *testing.T) {
	foreign := func(o peering.Object) peering.Object {
		o.SetLabels(map[string]string{"app.kubernetes.io/managed-by": "Helm"})
		o.SetAnnotations(map[string]string{"meta.helm.sh/release-name": "istiod"})
		return o
	}
	for name, tt := range map[string]struct {
		prepare func(t *testing.T, east, west *peeringtest.Member)
		p       peering.Peering
		check   func(t *testing.T, err error)
	}{
		"foreign account": {prepare: func(t *testing.T, _, west *peeringtest.Member) {
			must(t, west, foreign(serviceAccount("meshpeer-reader-east")))
		}, check: isForeign("ServiceAccount/istio-system/meshpeer-reader-east")},
		"foreign role": {prepare: func(t *testing.T, _, west *peeringtest.Member) {
			must(t, west, foreign(&rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: "meshpeer-reader-east"}}))
		}, check: isForeign("ClusterRole/meshpeer-reader-east")},
		"foreign remote secret": {prepare: func(t *testing.T, east, _ *peeringtest.Member) {
			s := foreign(secret("istio-remote-secret-west"))
			s.GetLabels()[secrets.LabelMultiCluster] = "true"
			must(t, east, s)
		}, check: isForeign("Secret/istio-system/istio-remote-secret-west")},
		"duplicate cluster ID": {prepare: func(t *testing.T, east, _ *peeringtest.Member) {
			s := secret("made-by-istioctl")
			s.Labels = map[string]string{secrets.LabelMultiCluster: "true"}
			s.Data = map[string][]byte{"west": []byte("{}")}
			must(t, east, s)
		}, check: func(t *testing.T, err error) {
			var duplicate *peering.DuplicateClusterError
			require.ErrorAs(t, err, &duplicate)
			require.Equal(t, "istio-system/made-by-istioctl", duplicate.Secret)
		}},
		"existing account is not there": {p: peering.Peering{Account: &peering.Account{Name: "istio-reader-service-account"}}, check: func(t *testing.T, err error) {
			require.ErrorContains(t, err, "ServiceAccount istio-system/istio-reader-service-account does not exist")
		}},
		"existing account lacks rights": {p: peering.Peering{Account: &peering.Account{Name: "reader"}}, prepare: func(t *testing.T, _, west *peeringtest.Member) {
			must(t, west, serviceAccount("reader"))
			must(t, west, &rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: "reader"}, Rules: []rbacv1.PolicyRule{
				{APIGroups: []string{""}, Resources: []string{"pods", "services", "namespaces", "secrets", "configmaps"}, Verbs: []string{"list", "watch"}},
				{APIGroups: []string{"discovery.k8s.io"}, Resources: []string{"*"}, Verbs: []string{"list"}},
			}})
			must(t, west, &rbacv1.ClusterRoleBinding{
				ObjectMeta: metav1.ObjectMeta{Name: "reader"}, RoleRef: rbacv1.RoleRef{Kind: "ClusterRole", Name: "reader"},
				Subjects: []rbacv1.Subject{{Kind: "ServiceAccount", Namespace: "istio-system", Name: "reader"}},
			})
		}, check: func(t *testing.T, err error) {
			var rights *peering.MissingRightsError
			require.ErrorAs(t, err, &rights)
			require.Len(t, rights.Missing, 5, "nodes, endpointslices, customresourcedefinitions, gateways, workloadentries: %v", rights)
			for _, want := range []string{"nodes", "endpointslices", "customresourcedefinitions", "gateways", "workloadentries"} {
				require.ErrorContains(t, err, want)
			}
		}},
		"unreachable": {prepare: func(_ *testing.T, _, west *peeringtest.Member) {
			west.Before = func(peeringtest.Call) error {
				return &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused")}
			}
		}, check: func(t *testing.T, err error) {
			var failed *peering.Error
			require.ErrorAs(t, err, &failed)
			require.Equal(t, peering.StageConnect, failed.Stage)
			require.Equal(t, "west", failed.On.String())
			require.Contains(t, failed.Hint, "can be reached")
		}},
		"invalid role options": {p: peering.Peering{Reader: rbac.Options{Profile: "tiny"}}, check: func(t *testing.T, err error) {
			require.ErrorContains(t, err, `"tiny"`)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				_, east, west, link := pair()
				if tt.prepare != nil {
					tt.prepare(t, east, west)
				}
				before := writes(east) + writes(west)
				report, err := tt.p.Ensure(t.Context(), link)
				require.Error(t, err)
				tt.check(t, err)
				require.Equal(t, before, writes(east)+writes(west))
				require.Equal(t, "failed", string(report.Status()))
			})
		})
	}
}

func isForeign(object string) func(*testing.T, error) {
	return func(t *testing.T, err error) {
		var foreign *peering.ForeignObjectError
		require.ErrorAs(t, err, &foreign)
		require.Equal(t, object, foreign.Object)
		require.Equal(t, "meta.helm.sh/release-name=istiod", foreign.Owner)
	}
}

func TestOneClusterUnderTwoNames(t *testing.T) {
	mesh, east, west, _ := pair()
	alias := *west.Cluster
	alias.ID = peering.MustID("also-west")
	_, err := new(peering.Peering).Ensure(t.Context(), peering.Mesh(east.Cluster, west.Cluster, &alias)...)
	var same *peering.SameClusterError
	require.ErrorAs(t, err, &same)
	require.Zero(t, writes(east)+writes(mesh.Member("west")))
}

func TestFailedLinkDoesNotStopTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mesh := peeringtest.NewMesh("a", "b", "down")
		mesh.Member("down").Before = func(peeringtest.Call) error { return errors.New("connection refused") }
		report, err := new(peering.Peering).Ensure(t.Context(), peering.Mesh(mesh.Clusters()...)...)
		require.Error(t, err)
		good := 0
		for _, l := range report.Links {
			if l.Error == nil {
				good++
				continue
			}
			require.Equal(t, "down", l.Error.On.String())
		}
		require.Equal(t, 2, good)
	})
}

func TestIDs(t *testing.T) {
	for _, bad := range []string{"", "EAST", "Kubernetes", "east.prod", "-east", "east-", "east prod", "é", strings.Repeat("a", 64)} {
		_, err := peering.ParseID(bad)
		require.ErrorContains(t, err, "ISTIO_META_CLUSTER_ID", "%q", bad)
	}
	for _, good := range []string{"east", "1", "ce3c25e247da24f3aab9b7edfae83aaaa", strings.Repeat("a", 63)} {
		id, err := peering.ParseID(good)
		require.NoError(t, err)
		require.Equal(t, good, id.String())
	}
	for _, good := range []string{"Kubernetes", "east.prod", "a_b"} {
		id, err := peering.ParseIstioID(good)
		require.NoError(t, err)
		require.Equal(t, good, id.String())
	}
	for _, bad := range []string{"", "a b", ".", "..", "-a", strings.Repeat("a", 64)} {
		_, err := peering.ParseIstioID(bad)
		require.Error(t, err, "%q", bad)
	}
	require.Panics(t, func() { peering.MustID("Not-A-Label") })
}

// TestRefusedOptionsHideAPastedToken: whatever an option was given, its refusal shows no credential and is one line.
func TestRefusedOptionsHideAPastedToken(t *testing.T) {
	token := "hvs." + rand.Text()
	for _, value := range []string{token, token + "\n\x1b[2J", strings.Repeat(token, 1000)} {
		_, _, _, link := pair()
		_, goalErr := new(peering.Peering).Plan(t.Context(), peering.Goal(value), link)
		for name, err := range map[string]error{
			"goal":   goalErr,
			"schema": (&peering.Plan{Schema: value}).Bind(link),
			"name":   ensure(t, &peering.Peering{Reader: rbac.Options{Name: value}}, link),
			"reader": ensure(t, &peering.Peering{Reader: rbac.Options{ServiceAccount: value}}, link),
			"kind":   ensure(t, &peering.Peering{Credential: secrets.Kind(value)}, link),
			"work":   ensure(t, &peering.Peering{Workload: &traffic.Workload{Namespace: "a", Service: value}}, link),
		} {
			var field *secrets.FieldError
			require.ErrorAs(t, err, &field, name)
			require.NotContains(t, err.Error(), token[4:], name)
			require.NotContains(t, err.Error(), "\x1b", name)
			require.Less(t, len(err.Error()), 2048, name)
		}
	}
}

func ensure(t *testing.T, p *peering.Peering, link peering.Link) error {
	t.Helper()
	_, err := p.Ensure(t.Context(), link)
	return err
}
