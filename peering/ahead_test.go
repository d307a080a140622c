package peering_test

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/peering/peeringtest"
	"github.com/meshpeer/meshpeer/secrets"
)

// TestMintInVain: a token that was begun while its reader had no rights yet, and never got them, is waited for, told of and
// taken back.
func TestMintInVain(t *testing.T) {
	for _, kind := range []secrets.Kind{secrets.KindDurable, secrets.KindBound} {
		for _, failing := range []string{"ClusterRole", "ClusterRoleBinding"} {
			t.Run(string(kind)+" "+failing, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					mesh := peeringtest.New(peeringtest.Options{Size: 2, Latency: 5 * time.Millisecond})
					east, west := mesh.Members()[0], mesh.Members()[1]
					west.TokenDelay = 5 * time.Second
					west.Inject(peeringtest.Fault{
						Match: func(verb string, o peering.Object) bool {
							return verb == "create" && strings.HasSuffix(fmt.Sprintf("%T", o), "."+failing)
						},
						Failure: peeringtest.Forbidden, Times: peeringtest.Always,
					})
					start := append(contents(t, east), contents(t, west)...)
					var told []string
					var log bytes.Buffer
					p := &peering.Peering{Credential: kind, Audit: peering.AuditTo(&log), Observe: func(e peering.Event) {
						if e.Stage == peering.StageMint {
							told = append(told, string(e.Action))
						}
					}}
					report, err := p.Ensure(t.Context(), peering.Link{From: east.Cluster, To: west.Cluster})
					require.Error(t, err)
					l := report.Links[0]
					require.Equal(t, peering.StageGrant, l.Error.Stage)
					require.Contains(t, l.Error.Error(), strings.ToLower(failing)+"s")
					require.Equal(t, start, append(contents(t, east), contents(t, west)...))
					require.Empty(t, l.Left)
					require.Nil(t, l.Credential)
					require.Equal(t, []string{"created", "deleted"}, told)
					require.Equal(t, peering.StageMint, l.Undone[0].Stage, "first what was made last")
					require.Contains(t, log.String(), `"object":"Token/istio-system/meshpeer-reader-`)
				})
			})
		}
	}
}

// TestSourceAfterRights: a source of the caller's is asked when the reader has its rights, which it may need.
func TestSourceAfterRights(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, _, west, link := pair()
		asked := false
		p := &peering.Peering{Tokens: func(to *peering.Cluster) secrets.TokenSource {
			return secrets.TokenSourceFunc(func(ctx context.Context, r secrets.Request) (secrets.Token, error) {
				asked = true
				_, err := west.Get(ctx, &rbacv1.ClusterRoleBinding{ObjectMeta: metav1.ObjectMeta{Name: r.ServiceAccount}})
				require.NoError(t, err)
				return secrets.Durable{Secrets: to.Secrets(r.Namespace)}.Token(ctx, r)
			})
		}}
		_, err := p.Ensure(t.Context(), link)
		require.NoError(t, err)
		require.True(t, asked)
	})
}
