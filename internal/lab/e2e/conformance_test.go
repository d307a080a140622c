//go:build linux

package e2e_test

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshpeer/meshpeer/internal/lab"
	"github.com/meshpeer/meshpeer/internal/lab/labtest"
	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/peering/peeringtest/conformance"
	"github.com/meshpeer/meshpeer/peering/traffic"
	"github.com/meshpeer/meshpeer/probe/probetest"
	"github.com/meshpeer/meshpeer/secrets"
	"github.com/meshpeer/meshpeer/secrets/secretstest"
)

// The suites run here on real clusters, and under the same names on those of package peeringtest: what fakes promise, API
// servers, istiods and pods do.

const system = "istio-system"

func TestConformanceObjects(t *testing.T) {
	conformance.TestObjects(t, sharedWorld(t).clusters[0].Objects, system)
}

func TestConformanceReviews(t *testing.T) {
	conformance.TestReviews(t, sharedWorld(t).clusters[0], system)
}

func TestConformanceAs(t *testing.T) {
	conformance.TestAs(t, sharedWorld(t).clusters[0], system)
}

func TestConformanceIstiods(t *testing.T) {
	conformance.TestIstiods(t, sharedWorld(t).clusters[1]) // of two replicas
}

func TestConformanceAuditSink(t *testing.T) {
	t.Run("lines", func(t *testing.T) {
		var file bytes.Buffer
		conformance.TestAuditSink(t, peering.AuditTo(&file), func(context.Context) ([]string, error) {
			return strings.Split(strings.TrimSpace(file.String()), "\n"), nil
		})
	})
	t.Run("events", func(t *testing.T) {
		c := sharedWorld(t).clusters[0]
		list := func(ctx context.Context) ([]peering.Object, error) {
			like := &corev1.Event{ObjectMeta: metav1.ObjectMeta{Namespace: system}}
			return c.Objects.List(ctx, like, peering.LabelManagedBy+"="+peering.ManagedBy)
		}
		t.Cleanup(func() {
			made, err := list(context.Background())
			require.NoError(t, err)
			for _, o := range made {
				require.NoError(t, c.Objects.Delete(context.Background(), o))
			}
		})
		conformance.TestAuditSink(t, peering.AuditToEvents(c), func(ctx context.Context) (texts []string, err error) {
			found, err := list(ctx)
			for _, o := range found {
				texts = append(texts, o.(*corev1.Event).Reason+" "+o.(*corev1.Event).Message)
			}
			return texts, err
		})
	})
}

func TestConformanceSecretClient(t *testing.T) {
	secretstest.TestSecretClient(t, sharedWorld(t).clusters[0].Secrets(system), system)
}

func TestConformanceTokenCreator(t *testing.T) {
	c := sharedWorld(t).clusters[0]
	secretstest.TestTokenCreator(t, c.Accounts(system), c.Secrets(system), conformance.Account(t, c, system))
}

// sources are those of package secrets, over one cluster.
func sources(c *peering.Cluster) map[string]func() secrets.TokenSource {
	durable := secrets.Durable{Secrets: c.Secrets(system)}
	bound := secrets.Bound{Secrets: c.Secrets(system), Accounts: c.Accounts(system)}
	return map[string]func() secrets.TokenSource{
		"durable": func() secrets.TokenSource { return durable },
		"bound":   func() secrets.TokenSource { return bound },
		"first":   func() secrets.TokenSource { return secrets.First(durable, bound) },
	}
}

func TestConformanceTokenSource(t *testing.T) {
	c := sharedWorld(t).clusters[0]
	for name, source := range sources(c) {
		t.Run(name, func(t *testing.T) { secretstest.TestTokenSource(t, source(), conformance.Account(t, c, system)) })
	}
	t.Run("static", func(t *testing.T) {
		account := conformance.Account(t, c, system)
		durable := sources(c)["durable"]()
		token, err := durable.Token(t.Context(), account.Request)
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, durable.(secrets.Revoker).Revoke(context.Background(), token.Ref())) })
		secretstest.TestTokenSource(t, secrets.Static(token), account)
	})
}

// TestConformanceRevoker: the sources side by side, for an API server goes on with a revoked token for 10 s.
func TestConformanceRevoker(t *testing.T) {
	c := sharedWorld(t).clusters[0]
	for name, source := range sources(c) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			secretstest.TestRevoker(t, source, conformance.Account(t, c, system))
		})
	}
}

func TestConformanceResumer(t *testing.T) {
	c := sharedWorld(t).clusters[0]
	for name, source := range sources(c) {
		t.Run(name, func(t *testing.T) {
			secretstest.TestResumer(t, source(), c.Secrets(system), conformance.Account(t, c, system))
		})
	}
}

func TestConformanceCheck(t *testing.T) {
	_, links := town(t, lab.DataPlane{})
	from, to := links[0].Sides()
	conformance.TestCheck(t, &traffic.Workload{Control: labtest.Outsider}, from, to)
}

func TestConformanceExecutor(t *testing.T) {
	w, _ := town(t, lab.DataPlane{})
	pod, err := w.Clusters[0].PodName(t.Context(), "default", "app=sleep")
	require.NoError(t, err)
	probetest.TestExecutor(t, w.clusters[0].Exec("default", pod, "sleep"))
}
