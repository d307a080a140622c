package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshpeer/meshpeer/internal/transcript"
	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/peering/peeringtest"
	"github.com/meshpeer/meshpeer/secrets"
)

// broker answers as Vault does, without a network: its leases are tokens that live by a Secret of the broker's.
type broker struct {
	t    *testing.T
	mesh *peeringtest.Mesh
	down bool

	mu     sync.Mutex
	leases map[string]secrets.Ref
	made   map[string]int // by cluster
}

func (b *broker) source(cluster string) secrets.Bound {
	m := b.mesh.Member(cluster)
	return secrets.Bound{Secrets: m.Secrets("istio-system"), Accounts: m.Cluster.Accounts("istio-system"), Lifetime: time.Hour}
}

func (b *broker) RoundTrip(r *http.Request) (*http.Response, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	w := httptest.NewRecorder()
	var ask map[string]string
	require.NoError(b.t, json.NewDecoder(r.Body).Decode(&ask))
	path := strings.Split(r.URL.Path, "/") // "", v1, kubernetes-CLUSTER, creds, ROLE
	switch {
	case b.down || r.URL.Host != "vault.example" || r.Header.Get("X-Vault-Token") != "hvs.secret":
		http.Error(w, `{"errors": ["permission denied to hvs.secret"]}`, http.StatusForbidden)
	case r.URL.Path == "/v1/sys/leases/revoke":
		id := ask["lease_id"]
		require.Contains(b.t, b.leases, id)
		require.NoError(b.t, b.source(strings.Split(id, "/")[0]).Revoke(r.Context(), b.leases[id]))
		delete(b.leases, id)
		w.WriteHeader(http.StatusNoContent)
	default:
		cluster, account := strings.TrimPrefix(path[2], "kubernetes-"), path[4]
		require.Equal(b.t, "istio-system", ask["kubernetes_namespace"])
		b.made[cluster]++
		id := fmt.Sprintf("%s/lease-%d", cluster, b.made[cluster])
		token, err := b.source(cluster).Token(r.Context(), secrets.Request{ServiceAccount: account, Name: strings.ReplaceAll("vault/"+id, "/", "-")})
		require.NoError(b.t, err)
		b.leases[id] = token.Ref()
		fmt.Fprintf(w, `{"lease_id": %q, "lease_duration": 3600, "data": {"service_account_token": %q}}`, id, token.Reveal())
	}
	return w.Result(), nil
}

func start(t *testing.T, tr *transcript.Transcript) *broker {
	mesh := peeringtest.NewMesh("east", "west")
	b := &broker{t: t, mesh: mesh, leases: map[string]secrets.Ref{}, made: map[string]int{}}
	http.DefaultClient.Transport = b
	tr.Program = "go run ./examples/custom-token"
	tr.Run = func(args []string, stdout, stderr io.Writer) int {
		exit, err := run(t.Context(), args, stdout, func(name, kubeContext string) (*peering.Cluster, error) {
			require.Equal(t, "kind-"+name, kubeContext)
			return mesh.Member(name).Cluster, nil
		})
		if err != nil {
			fmt.Fprintln(stderr, "custom-token:", err)
		}
		return exit
	}
	return b
}

func TestLeases(t *testing.T) {
	t.Setenv("VAULT_ADDR", "https://vault.example")
	t.Setenv("VAULT_TOKEN", "hvs.secret")
	t.Cleanup(func() { http.DefaultClient.Transport = nil })
	tr := new(transcript.Transcript)
	tr.Start(t)
	synctest.Test(t, func(t *testing.T) {
		b := start(t, tr)
		exit, text := tr.Do("ensure", "east=kind-east", "west=kind-west")
		require.Zero(t, exit, text)
		require.Len(t, b.leases, 2)
		require.Zero(t, tr.Run([]string{"ensure", "east=kind-east", "west=kind-west"}, io.Discard, io.Discard))
		require.Len(t, b.leases, 2, "good ones are kept")
		time.Sleep(50 * time.Minute)
		require.Zero(t, tr.Run([]string{"ensure", "east=kind-east", "west=kind-west"}, io.Discard, io.Discard))
		require.Len(t, b.leases, 2, "renewed, and the old leases ended")
		require.NotContains(t, b.leases, "west/lease-1")

		tr.Block()
		exit, text = tr.Do("remove", "east=kind-east", "west=kind-west")
		require.Zero(t, exit, text)
		require.Empty(t, b.leases)
		for _, m := range b.mesh.Members() {
			left, err := m.List(t.Context(), &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "istio-system"}}, "")
			require.NoError(t, err)
			require.Empty(t, left)
		}
	})
	tr.Check(t)
}

func TestFailures(t *testing.T) {
	t.Setenv("VAULT_ADDR", "https://vault.example")
	t.Setenv("VAULT_TOKEN", "hvs.secret")
	t.Cleanup(func() { http.DefaultClient.Transport = nil })
	tr := new(transcript.Transcript)
	tr.Start(t)
	synctest.Test(t, func(t *testing.T) {
		b := start(t, tr)
		says := func(exit int, want string, args ...string) {
			t.Helper()
			var out strings.Builder
			require.Equal(t, exit, tr.Run(args, &out, &out), out.String())
			require.Contains(t, out.String(), want)
			require.NotContains(t, out.String(), "hvs.secret")
		}
		says(1, "say ensure, rotate or remove", "ensure", "east=kind-east")
		says(1, "no links", "ensure", "east=kind-east", "east=kind-east")
		b.down = true
		says(1, "look at the policy of VAULT_TOKEN", "ensure", "east=kind-east", "west=kind-west")
		require.Empty(t, b.leases)
	})
}
