package peering_test

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"

	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/peering/peeringtest"
	"github.com/meshpeer/meshpeer/secrets"
)

// TestNoTokenLeaves runs every verb, with and without failures, and looks for the tokens in all that comes out.
func TestNoTokenLeaves(t *testing.T) {
	for name, fault := range map[string]func(east, west *peeringtest.Member){
		"all well": func(_, _ *peeringtest.Member) {},
		"share fails": func(east, _ *peeringtest.Member) {
			east.Before = func(c peeringtest.Call) error {
				if c.Verb == "create" || c.Verb == "update" {
					return errors.New("connection refused")
				}
				return nil
			}
		},
		"istiod refuses": func(east, _ *peeringtest.Member) { east.Istiods.Stick("istiod-1", peering.NotSeen) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				mesh, east, west, _ := pair()
				var out bytes.Buffer
				show := func(values ...any) {
					for _, v := range values {
						fmt.Fprintf(&out, "%v %+v %#v\n", v, v, v)
						data, err := json.Marshal(v)
						require.NoError(t, err)
						out.Write(data)
					}
				}
				tokens := map[string]bool{}
				p := &peering.Peering{Observe: func(e peering.Event) { show(e) }, Audit: peering.AuditTo(&out)}
				links := peering.Mesh(mesh.Clusters()...)
				collect := func() {
					for _, m := range []*peeringtest.Member{east, west} {
						found, err := m.List(t.Context(), secret(""), "")
						require.NoError(t, err)
						for _, o := range found {
							if token := string(o.(*corev1.Secret).Data["token"]); token != "" {
								tokens[token] = true
							}
						}
					}
				}
				verbs := []func() (*peering.Report, error){
					func() (*peering.Report, error) { return p.Ensure(t.Context(), links...) },
					func() (*peering.Report, error) { fault(east, west); return p.Ensure(t.Context(), links...) },
					func() (*peering.Report, error) { return p.Verify(t.Context(), links...) },
					func() (*peering.Report, error) {
						return (&peering.Peering{Credential: secrets.KindBound}).Ensure(t.Context(), links...)
					},
					func() (*peering.Report, error) { return p.Rotate(t.Context(), links...) },
					func() (*peering.Report, error) { return p.Remove(t.Context(), links...) },
				}
				for _, verb := range verbs {
					for _, goal := range []peering.Goal{peering.Present, peering.Rotated, peering.Absent} {
						plan, err := p.Plan(t.Context(), goal, links...)
						require.NoError(t, err)
						show(plan)
						require.NoError(t, plan.WriteText(&out))
					}
					grants, err := peering.Grants(t.Context(), mesh.Clusters()...)
					require.NoError(t, err)
					show(grants)
					report, err := verb()
					collect()
					show(report)
					if err != nil {
						fmt.Fprintf(&out, "%v %+v %#v\n", err, err, err)
					}
					require.NoError(t, report.WriteText(&out))
				}
				require.NotEmpty(t, tokens)
				for token := range tokens {
					require.NotContains(t, out.String(), token, "a token left")
				}
			})
		})
	}
}

// TestNoProxyPasswordLeaves prints what can carry one.
func TestNoProxyPasswordLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, _, west, link := pair()
		password := rand.Text()
		endpoint := west.Endpoint
		endpoint.ProxyURL = "http://user:" + password + "@proxy.example.invalid:3128"
		link.Endpoint = &endpoint
		cluster := *west.Cluster
		cluster.Endpoint = endpoint
		report, err := (&peering.Peering{SyncTimeout: time.Second}).Ensure(t.Context(), link)
		var out bytes.Buffer
		for _, v := range []any{link, &link, cluster, &cluster, endpoint, report, err} {
			fmt.Fprintf(&out, "%v %+v %#v %s %q %d %x\n", v, v, v, v, v, v, v)
		}
		require.NotContains(t, out.String(), password)
		require.NotContains(t, out.String(), hex.EncodeToString([]byte(password)))
	})
}
