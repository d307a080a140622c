package peeringtest_test

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"

	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/peering/peeringtest"
	"github.com/meshpeer/meshpeer/peering/peeringtest/conformance"
	"github.com/meshpeer/meshpeer/peering/traffic"
	"github.com/meshpeer/meshpeer/probe/probetest"
	"github.com/meshpeer/meshpeer/secrets"
	"github.com/meshpeer/meshpeer/secrets/secretstest"
)

// The suites run here on members in memory, and under the same names on real clusters in internal/lab/e2e: what fakes promise,
// API servers do. conformance.TestEverySuiteRunsOnBoth compares the two.

func TestConformanceObjects(t *testing.T) {
	conformance.TestObjects(t, peeringtest.NewMesh("east").Member("east").Objects, system)
}

func TestConformanceReviews(t *testing.T) {
	conformance.TestReviews(t, peeringtest.NewMesh("east").Member("east").Cluster, system)
}

func TestConformanceAs(t *testing.T) {
	conformance.TestAs(t, peeringtest.NewMesh("east").Member("east").Cluster, system)
}

func TestConformanceIstiods(t *testing.T) {
	conformance.TestIstiods(t, peeringtest.New(peeringtest.Options{Names: []string{"east"}, Istiods: 2}).Member("east").Cluster)
}

func TestConformanceCheck(t *testing.T) {
	_, link := town(t)
	from, to := link.Sides()
	conformance.TestCheck(t, &traffic.Workload{Control: "outsider"}, from, to)
}

// town is a peered pair with workloads, one of them without a sidecar.
func town(t *testing.T) (*peeringtest.Mesh, peering.Link) {
	t.Helper()
	mesh := peeringtest.New(peeringtest.Options{Names: []string{"east", "west"}, Workloads: true})
	for _, m := range mesh.Members() {
		m.Run(peeringtest.App{Name: "outsider", Replicas: 1, Plain: true})
	}
	link := peering.Link{From: mesh.Member("east").Cluster, To: mesh.Member("west").Cluster}
	_, err := new(peering.Peering).Ensure(t.Context(), link)
	require.NoError(t, err)
	return mesh, link
}

func TestConformanceAuditSink(t *testing.T) {
	t.Run("lines", func(t *testing.T) {
		var file bytes.Buffer
		conformance.TestAuditSink(t, peering.AuditTo(&file), func(context.Context) ([]string, error) {
			return strings.Split(strings.TrimSpace(file.String()), "\n"), nil
		})
	})
	t.Run("events", func(t *testing.T) {
		east := peeringtest.NewMesh("east").Member("east")
		conformance.TestAuditSink(t, peering.AuditToEvents(east.Cluster), eventsOf(east.Cluster))
	})
}

// eventsOf are the messages of the Events in the istiod namespace.
func eventsOf(c *peering.Cluster) func(context.Context) ([]string, error) {
	return func(ctx context.Context) (texts []string, err error) {
		found, err := c.Objects.List(ctx, &corev1.Event{}, peering.LabelManagedBy+"="+peering.ManagedBy)
		for _, o := range found {
			event := o.(*corev1.Event)
			texts = append(texts, event.Reason+" "+event.Message)
		}
		return texts, err
	}
}

func TestConformanceSecretClient(t *testing.T) {
	secretstest.TestSecretClient(t, peeringtest.NewMesh("east").Member("east").Secrets(system), system)
}

func TestConformanceTokenCreator(t *testing.T) {
	east := peeringtest.NewMesh("east").Member("east").Cluster
	secretstest.TestTokenCreator(t, east.Accounts(system), east.Secrets(system), conformance.Account(t, east, system))
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
	east := peeringtest.NewMesh("east").Member("east").Cluster
	for name, source := range sources(east) {
		t.Run(name, func(t *testing.T) { secretstest.TestTokenSource(t, source(), conformance.Account(t, east, system)) })
	}
	t.Run("static", func(t *testing.T) {
		account := conformance.Account(t, east, system)
		token, err := sources(east)["durable"]().Token(t.Context(), account.Request)
		require.NoError(t, err)
		secretstest.TestTokenSource(t, secrets.Static(token), account)
	})
}

func TestConformanceRevoker(t *testing.T) {
	east := peeringtest.NewMesh("east").Member("east").Cluster
	for name, source := range sources(east) {
		t.Run(name, func(t *testing.T) { secretstest.TestRevoker(t, source, conformance.Account(t, east, system)) })
	}
}

func TestConformanceResumer(t *testing.T) {
	c := peeringtest.NewMesh("east").Member("east").Cluster
	for name, source := range sources(c) {
		t.Run(name, func(t *testing.T) {
			secretstest.TestResumer(t, source(), c.Secrets(system), conformance.Account(t, c, system))
		})
	}
}

func TestConformanceExecutor(t *testing.T) {
	east := peeringtest.New(peeringtest.Options{Names: []string{"east"}, Workloads: true}).Member("east")
	probetest.TestExecutor(t, east.Exec("default", "sleep-east-1", "app"))
}
