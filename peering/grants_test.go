package peering_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/peering/peeringtest"
	"github.com/meshpeer/meshpeer/secrets"
)

func TestGrantsListsEveryCredential(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mesh := peeringtest.NewMesh("a", "b", "read")
		a, b, read := mesh.Member("a"), mesh.Member("b"), mesh.Member("read")
		byIstioctl(t, read, a)
		_, err := (&peering.Peering{Credential: secrets.KindBound}).Ensure(t.Context(), peering.Link{From: b.Cluster, To: read.Cluster})
		require.NoError(t, err)

		grants, err := peering.Credentials(t.Context(), mesh.Clusters()...)
		require.NoError(t, err)
		require.Len(t, grants, 2)
		foreign, ours := grants[0], grants[1]
		require.Equal(t, "istio-reader-service-account", foreign.ServiceAccount)
		require.Equal(t, secrets.KindDurable, foreign.Kind)
		require.Equal(t, []string{"a/istio-system/istio-remote-secret-read"}, foreign.Holders)
		require.Empty(t, foreign.Link)
		require.Zero(t, foreign.Until)

		require.Equal(t, "meshpeer-reader-b", ours.ServiceAccount)
		require.Equal(t, secrets.KindBound, ours.Kind)
		require.Equal(t, "b -> read", ours.Link)
		require.Equal(t, []string{"b/istio-system/istio-remote-secret-read"}, ours.Holders)
		require.NotZero(t, ours.Until)
		require.NotEmpty(t, ours.Fingerprint)

		b.Before = func(peeringtest.Call) error { return errors.New("connection refused") }
		grants, err = peering.Credentials(t.Context(), mesh.Clusters()...)
		require.Error(t, err)
		require.Len(t, grants, 2, "what answers is listed")
	})
}

// TestAudit: one record for each change, under one plan, also of what is taken back.
func TestAudit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, east, _, link := pair()
		var log bytes.Buffer
		p := &peering.Peering{Audit: peering.AuditTo(&log), Actor: "pipeline 7"}
		plan, err := p.Plan(t.Context(), peering.Present, link)
		require.NoError(t, err)
		report, err := p.Apply(t.Context(), plan)
		require.NoError(t, err)
		var records []peering.AuditRecord
		for decoder := json.NewDecoder(&log); decoder.More(); {
			var r peering.AuditRecord
			require.NoError(t, decoder.Decode(&r))
			require.Equal(t, plan.Digest(), r.Plan)
			require.Equal(t, "pipeline 7", r.Actor)
			require.NotEmpty(t, r.ClusterUID)
			require.NotEmpty(t, r.Run)
			records = append(records, r)
		}
		require.Len(t, records, 5)
		require.Equal(t, report.Links[0].Credential.Fingerprint, records[4].Token)

		_, err = p.Ensure(t.Context(), link)
		require.NoError(t, err)
		require.Zero(t, log.Len(), "nothing changed")

		east.Before = func(c peeringtest.Call) error {
			if c.Verb == "update" {
				return errors.New("connection refused")
			}
			return nil
		}
		_, err = p.Rotate(t.Context(), link)
		require.Error(t, err)
		require.Contains(t, log.String(), `"error":"connection refused"`)
		require.Contains(t, log.String(), `"reason":"undone"`)
	})
}

func TestAuditToEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, _, west, link := pair()
		_, err := (&peering.Peering{Audit: peering.AuditToEvents(west.Cluster), Actor: "me"}).Ensure(t.Context(), link)
		require.NoError(t, err)
		events, err := west.List(t.Context(), &corev1.Event{ObjectMeta: metav1.ObjectMeta{Namespace: "istio-system"}}, "")
		require.NoError(t, err)
		require.Len(t, events, 5)
		require.Contains(t, events[0].(*corev1.Event).Message, "east -> west")

		west.Before = func(c peeringtest.Call) error {
			if c.Kind == "Event" {
				return errors.New("forbidden")
			}
			return nil
		}
		report, err := (&peering.Peering{Audit: peering.AuditToEvents(west.Cluster)}).Rotate(t.Context(), link)
		require.NoError(t, err, "the change has been made")
		require.NotEmpty(t, report.Links[0].Warnings)
	})
}
