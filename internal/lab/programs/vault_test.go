//go:build linux

package programs_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/meshpeer/meshpeer/peering/istiod"
	"github.com/meshpeer/meshpeer/secrets"
)

// vault stands in for Vault's Kubernetes secrets engine: it leases tokens of real accounts.
type vault struct {
	*world
	t *testing.T

	mu     sync.Mutex
	leases map[string]secrets.Ref // by cluster/number
	made   int
}

func (v *vault) source(cluster string) secrets.Bound {
	c := v.clusters[cluster]
	return secrets.Bound{Secrets: c.Secrets("istio-system"), Accounts: c.Accounts("istio-system"), Lifetime: time.Hour}
}

func (v *vault) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	v.mu.Lock()
	defer v.mu.Unlock()
	var ask map[string]string
	if err := json.NewDecoder(r.Body).Decode(&ask); err != nil || r.Header.Get("X-Vault-Token") != "hvs.secret" {
		w.WriteHeader(http.StatusForbidden)
		return
	}
	if r.URL.Path == "/v1/sys/leases/revoke" {
		id := ask["lease_id"]
		cluster, _, _ := strings.Cut(id, "/")
		if err := v.source(cluster).Revoke(r.Context(), v.leases[id]); err != nil {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		delete(v.leases, id)
		w.WriteHeader(http.StatusNoContent)
		return
	}
	path := strings.Split(r.URL.Path, "/") // "", v1, kubernetes-CLUSTER, creds, ROLE
	cluster, account := strings.TrimPrefix(path[2], "kubernetes-"), path[4]
	v.made++
	id := fmt.Sprintf("%s/%d", cluster, v.made)
	token, err := v.source(cluster).Token(r.Context(), secrets.Request{ServiceAccount: account, Name: fmt.Sprintf("vault-%d", v.made)})
	if err != nil {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	v.leases[id] = token.Ref()
	fmt.Fprintf(w, `{"lease_id": %q, "lease_duration": 3600, "data": {"service_account_token": %q}}`, id, token.Reveal())
}

func (v *vault) leased() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return len(v.leases)
}

// TestLeasesOfVault peers with tokens from elsewhere, renews them, and gives them back.
func TestLeasesOfVault(t *testing.T) {
	w := theWorld(t)
	v := &vault{world: w, t: t, leases: map[string]secrets.Ref{}}
	server := httptest.NewServer(v)
	t.Cleanup(server.Close)
	p := w.person(t, "VAULT_ADDR="+server.URL, "VAULT_TOKEN=hvs.secret")
	both := []string{member(east), member(north)}

	p.sees(0, []string{"Token/istio-system/meshpeer-reader-east-1", "call Ensure again before"}, "custom-token", with([]string{"ensure"}, both...)...)
	require.Equal(t, 2, v.leased())
	p.reads(east, north, istiod.Synced)
	p.reads(north, east, istiod.Synced)
	p.sees(0, []string{"the API server answers 401 to the revoked token"}, "custom-token", with([]string{"rotate"}, both...)...)
	require.Equal(t, 2, v.leased())
	require.Equal(t, 4, v.made)
	p.reads(east, north, istiod.Synced)
	p.sees(0, []string{"istiod-forgot", "the API server answers 401 to the revoked token"}, "custom-token", with([]string{"remove"}, both...)...)
	require.Zero(t, v.leased())
	p.reads(east, north, istiod.NotSeen)
	p.reads(north, east, istiod.NotSeen)
}
