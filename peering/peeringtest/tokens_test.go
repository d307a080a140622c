package peeringtest_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/peering/peeringtest"
	"github.com/meshpeer/meshpeer/secrets"
)

const system = "istio-system"

// eastReadsWest is a peered pair.
func eastReadsWest(t *testing.T, p *peering.Peering) (mesh *peeringtest.Mesh, east, west *peeringtest.Member, report *peering.Report) {
	t.Helper()
	mesh = peeringtest.NewMesh("east", "west")
	east, west = mesh.Member("east"), mesh.Member("west")
	report, err := p.Ensure(t.Context(), peering.Link{From: east.Cluster, To: west.Cluster})
	require.NoError(t, err)
	require.True(t, east.Istiods.Reads("west"))
	return mesh, east, west, report
}

// inUse is the token that east's istiods hold for west.
func inUse(t *testing.T, east *peeringtest.Member) secrets.Token {
	t.Helper()
	o, err := east.Get(t.Context(), &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: system, Name: "istio-remote-secret-west"}})
	require.NoError(t, err)
	remotes, err := secrets.Parse(o.(*corev1.Secret))
	require.NoError(t, err)
	return remotes[0].Token
}

// loose is a manifest without a Go type.
func loose(t *testing.T, manifest string) *unstructured.Unstructured {
	t.Helper()
	u := &unstructured.Unstructured{}
	require.NoError(t, yaml.Unmarshal([]byte(manifest), &u.Object))
	return u
}

func opens(t *testing.T, m *peeringtest.Member, token secrets.Token) error {
	t.Helper()
	objects, err := m.As(m.Cluster.Endpoint, token)
	require.NoError(t, err)
	_, err = objects.Create(context.Background(), &authenticationv1.SelfSubjectReview{})
	return err
}

// TestAdvance: without testing/synctest, too, a token ends.
func TestAdvance(t *testing.T) {
	p := &peering.Peering{Credential: secrets.KindBound, Lifetime: time.Hour}
	mesh, east, west, report := eastReadsWest(t, p)
	old := inUse(t, east)
	mesh.Advance(59 * time.Minute)
	require.NoError(t, opens(t, west, old))
	require.True(t, east.Istiods.Reads("west"))
	mesh.Advance(2 * time.Minute)
	require.True(t, apierrors.IsUnauthorized(opens(t, west, old)))
	require.False(t, east.Istiods.Reads("west"))

	again, err := p.Ensure(t.Context(), peering.Link{From: east.Cluster, To: west.Cluster})
	require.NoError(t, err)
	require.True(t, again.Changed(), "what does not work is replaced, whatever the program's own clock says")
	require.True(t, east.Istiods.Reads("west"))
	require.WithinDuration(t, report.RenewAt().Add(61*time.Minute), again.RenewAt(), time.Minute, "it follows the server's clock")
}

// TestMaxTokenLife: the API server grants less than was asked for.
func TestMaxTokenLife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mesh := peeringtest.NewMesh("east", "west")
		east, west := mesh.Member("east"), mesh.Member("west")
		west.MaxTokenLife = time.Hour
		p, start := &peering.Peering{Credential: secrets.KindBound, Lifetime: 24 * time.Hour}, time.Now()
		report, err := p.Ensure(t.Context(), peering.Link{From: east.Cluster, To: west.Cluster})
		require.NoError(t, err)
		require.WithinDuration(t, start.Add(48*time.Minute), report.RenewAt(), time.Minute)
		require.Contains(t, report.Links[0].Warnings[0], "granted 1h0m0s")
		time.Sleep(61 * time.Minute)
		require.False(t, east.Istiods.Reads("west"))
	})
}

// TestRewriteTokens: the token controller makes other tokens, and those in use are refused.
func TestRewriteTokens(t *testing.T) {
	p := new(peering.Peering)
	_, east, west, _ := eastReadsWest(t, p)
	old := inUse(t, east)
	require.Equal(t, 1, west.RewriteTokens())
	require.True(t, apierrors.IsUnauthorized(opens(t, west, old)))
	require.False(t, east.Istiods.Reads("west"))
	report, err := p.Ensure(t.Context(), peering.Link{From: east.Cluster, To: west.Cluster})
	require.NoError(t, err)
	require.True(t, report.Changed())
	require.True(t, east.Istiods.Reads("west"))
	require.False(t, old.Equal(inUse(t, east)))
}

// TestTokenController does what Kubernetes' does with token Secrets.
func TestTokenController(t *testing.T) {
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: system, Name: "reader"}}
	token := func(uid string) *corev1.Secret {
		s := &corev1.Secret{
			ObjectMeta: metav1.ObjectMeta{Namespace: system, Name: "token", Annotations: map[string]string{corev1.ServiceAccountNameKey: "reader"}},
			Type:       corev1.SecretTypeServiceAccountToken,
		}
		if uid != "" {
			s.Annotations[corev1.ServiceAccountUIDKey] = uid
		}
		return s
	}
	value := func(t *testing.T, m *peeringtest.Member) secrets.Token {
		t.Helper()
		o, err := m.Get(t.Context(), token(""))
		require.NoError(t, err)
		return secrets.NewToken(string(o.(*corev1.Secret).Data[corev1.ServiceAccountTokenKey]), time.Time{})
	}
	gone := func(t *testing.T, m *peeringtest.Member) {
		t.Helper()
		_, err := m.Get(t.Context(), token(""))
		require.True(t, apierrors.IsNotFound(err), "%v", err)
	}
	for name, delay := range map[string]time.Duration{"at once": 0, "late": time.Minute} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := peeringtest.NewMesh("east").Member("east")
				m.TokenDelay = delay
				create := func(o peering.Object) peering.Object {
					out, err := m.Create(t.Context(), o)
					require.NoError(t, err)
					return out
				}
				create(token(""))
				time.Sleep(delay + time.Second)
				gone(t, m) // it has no account

				create(account)
				made := create(token("")).(*corev1.Secret)
				require.Equal(t, delay > 0, value(t, m).IsZero())
				time.Sleep(delay + time.Second)
				first := value(t, m)
				require.NoError(t, opens(t, m, first))

				made.ResourceVersion = "" // an update that empties it
				made.Data = nil
				_, err := m.Update(t.Context(), made)
				require.NoError(t, err)
				time.Sleep(delay + time.Second)
				require.True(t, apierrors.IsUnauthorized(opens(t, m, first)))
				require.NoError(t, opens(t, m, value(t, m)))

				require.NoError(t, m.Delete(t.Context(), account))
				time.Sleep(delay + time.Second)
				gone(t, m)
				create(account)
				create(token("of another account of the name"))
				time.Sleep(delay + time.Second)
				gone(t, m)
			})
		})
	}
}

// TestLateTokenController: a program waits for the token, and says so where none comes.
func TestLateTokenController(t *testing.T) {
	for delay, reason := range map[time.Duration]secrets.Reason{5 * time.Second: "", time.Hour: secrets.ReasonUntouched} {
		t.Run(delay.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				mesh := peeringtest.NewMesh("east", "west")
				east, west := mesh.Member("east"), mesh.Member("west")
				west.TokenDelay = delay
				_, err := new(peering.Peering).Ensure(t.Context(), peering.Link{From: east.Cluster, To: west.Cluster})
				require.Equal(t, reason == "", err == nil, "%v", err)
				require.Equal(t, reason == "", east.Istiods.Reads("west"))
				if err != nil {
					var none *secrets.NoTokenError
					require.ErrorAs(t, err, &none)
					require.Equal(t, reason, none.Reason)
				}
				time.Sleep(2 * delay) // the controller comes to what was undone
			})
		})
	}
}

// TestAppliedAsYAML: what a program sends without Go types, and Secrets with stringData, are what API servers make of them.
func TestAppliedAsYAML(t *testing.T) {
	m := peeringtest.NewMesh("east").Member("east")
	for _, manifest := range []string{
		"{apiVersion: v1, kind: ServiceAccount, metadata: {namespace: istio-system, name: reader}}",
		"{apiVersion: v1, kind: Secret, type: kubernetes.io/service-account-token, metadata: {namespace: istio-system, name: token, annotations: {kubernetes.io/service-account.name: reader}}}",
		"{apiVersion: v1, kind: Secret, metadata: {namespace: istio-system, name: plain}, stringData: {key: value}}",
	} {
		_, err := m.Create(t.Context(), loose(t, manifest))
		require.NoError(t, err)
	}
	read := func(name string) *corev1.Secret {
		o, err := m.Get(t.Context(), &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: system, Name: name}})
		require.NoError(t, err)
		return o.(*corev1.Secret)
	}
	require.NoError(t, opens(t, m, secrets.NewToken(string(read("token").Data[corev1.ServiceAccountTokenKey]), time.Time{})))
	require.Equal(t, "value", string(read("plain").Data["key"]))
	require.Empty(t, read("plain").StringData)
}
