//go:build linux

package matrix_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshpeer/meshpeer/internal/lab/labtest"
	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/secrets"
)

const (
	istioSystem = "istio-system"
	// byIstioctl is the token Secret that istioctl create-remote-secret makes.
	byIstioctl  = "istio-reader-service-account-istio-remote-secret-token"
	secondToken = "second-token"
)

// rotateByHand does to a remote secret of istioctl what its issue #56358 asks for and people do: a second token of the same
// account, written in place of the first, which is revoked a little later.
func (w *world) rotateByHand(t *testing.T, link peering.Link) {
	t.Helper()
	fresh := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{
			Name: secondToken, Namespace: istioSystem,
			Annotations: map[string]string{corev1.ServiceAccountNameKey: "istio-reader-service-account"},
		},
		Type: corev1.SecretTypeServiceAccountToken,
	}
	_, err := link.To.Objects.Create(t.Context(), fresh)
	require.NoError(t, err)
	var token []byte
	require.Eventually(t, func() bool {
		token = w.secret(t, link.To, fresh.Name).Data[corev1.ServiceAccountTokenKey]
		return len(token) > 0
	}, labtest.Patience, labtest.Tick)

	name := secrets.SecretName(link.To.ID.String())
	remote := w.secret(t, link.From, name)
	remotes, err := secrets.Parse(remote)
	require.NoError(t, err)
	require.Len(t, remotes, 1)
	old := remotes[0]
	changed := old
	changed.Token = secrets.NewToken(string(token), time.Time{})
	built, err := secrets.Build(changed, secrets.Options{Name: name})
	require.NoError(t, err)
	remote.Data = built.Data
	_, err = link.From.Objects.Update(t.Context(), remote)
	require.NoError(t, err)
	timer := time.NewTimer(10 * time.Second) // nothing tells a person when istiod has taken it up
	defer timer.Stop()
	<-timer.C

	require.NoError(t, link.To.Objects.Delete(t.Context(), w.secret(t, link.To, byIstioctl)))
	require.Eventually(t, func() bool {
		as, err := link.To.As(old.Endpoint, old.Token)
		if err == nil {
			_, err = as.List(t.Context(), &corev1.Pod{}, "")
		}
		return apierrors.IsUnauthorized(err)
	}, labtest.Patience, labtest.Tick, "the old token still counts")
}

func (w *world) secret(t *testing.T, of *peering.Cluster, name string) *corev1.Secret {
	t.Helper()
	o, err := of.Objects.Get(t.Context(), &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: istioSystem, Name: name}})
	require.NoError(t, err)
	return o.(*corev1.Secret)
}

// clear removes what was made by hand, and what it left in the istiods.
func (w *world) clear(t *testing.T, link peering.Link) {
	t.Helper()
	require.NoError(t, link.From.Objects.Delete(t.Context(), w.secret(t, link.From, secrets.SecretName(link.To.ID.String()))))
	require.NoError(t, link.To.Objects.Delete(t.Context(), w.secret(t, link.To, secondToken)))
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	require.NoError(t, w.restart(ctx, link.From))
	w.gone(t, link)
}
