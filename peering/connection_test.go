package peering_test

import (
	"crypto/rand"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/peering/peeringtest"
	"github.com/meshpeer/meshpeer/peering/preflight"
	"github.com/meshpeer/meshpeer/probe"
	"github.com/meshpeer/meshpeer/secrets"
)

// TestOwnEndpointIsJudgedByTheLinkThatUsesIt: a cluster that is only From, or whose links name an endpoint, may be reached in
// any way by its owner.
func TestOwnEndpointIsJudgedByTheLinkThatUsesIt(t *testing.T) {
	for _, host := range []string{"https://127.0.0.1:6443", "https://localhost:6443", "http://127.0.0.1:8001", "https://kubernetes.default.svc", "https://127.0.0.1:6443/k8s/clusters/c-1", "10.0.0.1:8080"} {
		t.Run(host, func(t *testing.T) {
			connected, err := peering.Connect(peering.MustID("laptop"), &rest.Config{Host: host}, peering.ConnectOptions{})
			require.NoError(t, err)
			synctest.Test(t, func(t *testing.T) {
				_, east, west, link := pair()
				good := east.Endpoint
				east.Cluster.Endpoint = connected.Endpoint
				_, err := new(peering.Peering).Ensure(t.Context(), link)
				require.NoError(t, err, "east is only From")

				back := peering.Link{From: west.Cluster, To: east.Cluster}
				before := len(east.Calls()) + len(west.Calls())
				for _, goal := range []peering.Goal{peering.Present, peering.Rotated} {
					_, err = new(peering.Peering).Plan(t.Context(), goal, back)
					require.ErrorContains(t, err, "Endpoint.Server")
					require.ErrorContains(t, err, `Cluster.Endpoint of "east"`)
					require.ErrorContains(t, err, "set Link.Endpoint or ConnectOptions.Endpoint")
				}
				_, err = new(peering.Peering).Ensure(t.Context(), link, back)
				require.Error(t, err)
				require.Equal(t, before, len(east.Calls())+len(west.Calls()), "answered without a request")

				back.Endpoint = &good
				_, err = new(peering.Peering).Ensure(t.Context(), back)
				require.NoError(t, err)
				back.Endpoint = nil
				_, err = new(peering.Peering).Remove(t.Context(), back)
				require.NoError(t, err, "nothing is written that would need the endpoint")
			})
		})
	}
}

// TestNoTokenOverPlainHTTP: a cluster may be connected through kubectl proxy, and no minted token goes that way.
func TestNoTokenOverPlainHTTP(t *testing.T) {
	var asked atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	defer server.Close()
	cluster, err := peering.Connect(peering.MustID("east"), &rest.Config{Host: server.URL}, peering.ConnectOptions{})
	require.NoError(t, err)
	_, err = cluster.As(cluster.Endpoint, secrets.NewToken("token", time.Time{}))
	require.ErrorContains(t, err, "is not an https URL")
	require.Zero(t, asked.Load())
}

// TestEndpointWithAPath: Rancher, fleet gateways and virtual clusters put the API server below a path.
func TestEndpointWithAPath(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, east, west, link := pair()
		const server = "https://rancher.example/k8s/clusters/c-m-1"
		west.ServeAt(server)
		endpoint := west.Endpoint
		endpoint.Server = server
		for _, own := range []bool{true, false} {
			if own {
				west.Cluster.Endpoint = endpoint
			} else {
				link.Endpoint = &endpoint
			}
			report, err := new(peering.Peering).Ensure(t.Context(), link)
			require.NoError(t, err)
			require.Contains(t, strings.Join(report.Links[0].Warnings, "\n"), "the CA and the authentication are those of the proxy")
			o, err := east.Get(t.Context(), secret("istio-remote-secret-west"))
			require.NoError(t, err)
			remotes, err := secrets.Parse(o.(*corev1.Secret))
			require.NoError(t, err)
			require.Equal(t, server, remotes[0].Endpoint.Server)
		}
		verified, err := new(peering.Peering).Verify(t.Context(), link)
		require.NoError(t, err)
		require.Equal(t, probe.Warned, verified.Links[0].Results[0].Status)
		require.Contains(t, verified.Links[0].Results[0].Summary, "has a path")
	})
}

// TestRequestsKeepThePath: the proof of a token asks below the path, too.
func TestRequestsKeepThePath(t *testing.T) {
	const prefix = "/k8s/clusters/c-m-1"
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.URL.Path, prefix+"/api") || r.Header.Get("Authorization") != "Bearer token" {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusCreated)
		_ = json.NewEncoder(w).Encode(authenticationv1.SelfSubjectReview{
			TypeMeta: metav1.TypeMeta{APIVersion: "authentication.k8s.io/v1", Kind: "SelfSubjectReview"},
			Status:   authenticationv1.SelfSubjectReviewStatus{UserInfo: authenticationv1.UserInfo{Username: "reader"}},
		})
	}))
	defer server.Close()
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	for _, host := range []string{server.URL + prefix, server.URL + prefix + "/"} {
		config := &rest.Config{Host: host, BearerToken: "token", TLSClientConfig: rest.TLSClientConfig{CAData: ca}}
		cluster, err := peering.Connect(peering.MustID("east"), config, peering.ConnectOptions{AllowLoopback: true})
		require.NoError(t, err)
		require.Equal(t, server.URL+prefix, cluster.Endpoint.Server)
		reader, err := cluster.As(cluster.Endpoint, secrets.NewToken("token", time.Time{}))
		require.NoError(t, err)
		for _, objects := range []peering.Objects{reader, cluster.Objects} {
			got, err := objects.Create(t.Context(), &authenticationv1.SelfSubjectReview{})
			require.NoError(t, err)
			require.Equal(t, "reader", got.(*authenticationv1.SelfSubjectReview).Status.UserInfo.Username)
		}
		_, err = cluster.Checks.Ask(t.Context(), "/api/v1")
		require.ErrorContains(t, err, "201", "asked below the path")
		choice, err := secrets.ChooseCA(t.Context(), cluster.Endpoint, nil, secrets.ChooseOptions{})
		require.NoError(t, err)
		require.False(t, choice.Unknown)
	}
}

// TestWithoutACATheReportWarns: the roots of istiod's image decide, and nobody can see them from here.
func TestWithoutACATheReportWarns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, _, west, link := pair()
		west.Cluster.Endpoint.CA = nil
		p := new(peering.Peering)
		for _, verb := range []func() (*peering.Report, error){
			func() (*peering.Report, error) { return p.Ensure(t.Context(), link) },
			func() (*peering.Report, error) { return p.Verify(t.Context(), link) },
		} {
			report, err := verb()
			require.NoError(t, err)
			require.Contains(t, strings.Join(report.Links[0].Warnings, "\n"), "the system roots of the istiod image decide")
		}
		report, err := p.Remove(t.Context(), link)
		require.NoError(t, err)
		require.Empty(t, report.Links[0].Warnings)
	})
}

// TestSecretOfAnEarlierName: a second Secret for an ID is ignored by istiod, so the one that is there stays in use.
func TestSecretOfAnEarlierName(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mesh := peeringtest.NewMesh("east", "prod.eu-west")
		east, west := mesh.Member("east"), mesh.Member("prod.eu-west")
		link := peering.Link{From: east.Cluster, To: west.Cluster}
		p := new(peering.Peering)
		_, err := p.Ensure(t.Context(), link)
		require.NoError(t, err)
		o, err := east.Get(t.Context(), secret("istio-remote-secret-prod.eu-west"))
		require.NoError(t, err, "the name that istioctl would give")

		earlier := o.(*corev1.Secret).DeepCopy()
		require.NoError(t, east.Delete(t.Context(), o))
		earlier.Name, earlier.UID, earlier.ResourceVersion = "istio-remote-secret-prod-eu-west-6ca8d924", "", ""
		must(t, east, earlier)
		before := writes(east) + writes(west)
		report, err := p.Ensure(t.Context(), link)
		require.NoError(t, err)
		require.Equal(t, before, writes(east)+writes(west), "%v", report)
		verified, err := p.Verify(t.Context(), link)
		require.NoError(t, err)
		require.Contains(t, verified.Links[0].Results[0].Target, earlier.Name)
		_, err = p.Rotate(t.Context(), link)
		require.NoError(t, err)
		found, err := east.List(t.Context(), secret(""), secrets.LabelMultiCluster+"=true")
		require.NoError(t, err)
		require.Len(t, found, 1)
		_, err = p.Remove(t.Context(), link)
		require.NoError(t, err)
		found, err = east.List(t.Context(), secret(""), secrets.LabelMultiCluster+"=true")
		require.NoError(t, err)
		require.Empty(t, found)
	})
}

// TestVerifyInAnotherNamespace: a Secret in the namespace of its istiod is no reason to warn.
func TestVerifyInAnotherNamespace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, east, _, link := pair()
		east.Cluster.Namespace = "mesh"
		p := &peering.Peering{SyncTimeout: time.Second} // the istiods of this mesh look elsewhere
		_, err := p.Ensure(t.Context(), link)
		require.ErrorAs(t, err, new(*peering.NotSyncedError))
		report, err := p.Verify(t.Context(), link)
		require.Error(t, err)
		require.Equal(t, "remote-secret", report.Links[0].Results[0].Check)
		require.Equal(t, probe.Passed, report.Links[0].Results[0].Status)
	})
}

// TestConnectShowsNoPassword: client-go quotes a host that it cannot read.
func TestConnectShowsNoPassword(t *testing.T) {
	hidden := rand.Text()
	for _, host := range []string{"https://user:" + hidden + "%zz@a", "user:" + hidden + "@a:b", "https://user:" + hidden + "@[::1", "https://user:" + hidden + "@a b", "a/user:" + hidden + "@b", "https://" + hidden + ":x"} {
		for _, o := range []peering.ConnectOptions{{}, {Endpoint: &secrets.Endpoint{Server: "https://10.0.0.1"}}} {
			_, err := peering.Connect(peering.MustID("east"), &rest.Config{Host: host}, o)
			require.ErrorContains(t, err, "rest.Config.Host", host[:5])
			require.NotContains(t, err.Error(), hidden)
		}
		_, err := preflight.Connect("east", &rest.Config{Host: host})
		require.Error(t, err)
		require.NotContains(t, err.Error(), hidden)
	}
	cluster, err := peering.Connect(peering.MustID("east"), &rest.Config{Host: "https://user:" + hidden + "@10.0.0.1/?a=" + hidden}, peering.ConnectOptions{})
	require.NoError(t, err)
	_, east, west, _ := pair()
	west.Cluster.Endpoint = cluster.Endpoint
	_, err = new(peering.Peering).Ensure(t.Context(), peering.Link{From: east.Cluster, To: west.Cluster})
	require.Error(t, err)
	require.NotContains(t, err.Error(), hidden)
	require.NotContains(t, fmt.Sprintf("%v %+v %#v", cluster, cluster, cluster), hidden)
}
