//go:build linux

package lab_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshpeer/meshpeer/internal/lab"
)

// Every kind of request, each a known number of times, must be in the log by the time its reply is here.
func TestAuditCount(t *testing.T) {
	const agent = "audit-test"
	c := defaultLab(t).Cluster("cluster-1")
	cs := clientset(t, c, lab.UserAdmin, agent)
	limited := clientset(t, c, lab.UserLimited, agent)
	mark := c.Audit()

	object := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "counted", Namespace: "default"}}
	maps := cs.CoreV1().ConfigMaps("default")
	live, err := maps.Create(t.Context(), object, metav1.CreateOptions{})
	require.NoError(t, err)
	_, err = maps.Create(t.Context(), object, metav1.CreateOptions{})
	require.True(t, apierrors.IsAlreadyExists(err))
	live.Data = map[string]string{"a": "b"}
	_, err = maps.Update(t.Context(), live, metav1.UpdateOptions{DryRun: []string{metav1.DryRunAll}})
	require.NoError(t, err)
	_, err = limited.CoreV1().Secrets("default").List(t.Context(), metav1.ListOptions{})
	require.True(t, apierrors.IsForbidden(err))
	watch, err := maps.Watch(t.Context(), metav1.ListOptions{})
	require.NoError(t, err)
	defer watch.Stop()
	_, err = maps.Get(t.Context(), "counted", metav1.GetOptions{})
	require.NoError(t, err)
	_, err = cs.AuthorizationV1().SelfSubjectRulesReviews().Create(t.Context(), &authorizationv1.SelfSubjectRulesReview{
		Spec: authorizationv1.SelfSubjectRulesReviewSpec{Namespace: "default"},
	}, metav1.CreateOptions{})
	require.NoError(t, err)
	_, err = cs.CoreV1().ServiceAccounts("default").CreateToken(t.Context(), "default", &authenticationv1.TokenRequest{}, metav1.CreateOptions{})
	require.NoError(t, err)
	_, err = cs.Discovery().ServerVersion()
	require.NoError(t, err)
	config, err := c.ConfigFor(lab.UserAdmin)
	require.NoError(t, err)
	config.UserAgent = agent
	conn, err := forward(t, c.Istiods[0], config, true)
	require.NoError(t, err)
	require.NoError(t, conn.Close())
	require.NoError(t, maps.Delete(t.Context(), "counted", metav1.DeleteOptions{}))

	events, err := c.AuditSince(mark)
	require.NoError(t, err)
	ours := func(e lab.AuditEvent) bool { return strings.HasPrefix(e.UserAgent, agent) }
	require.Equal(t, lab.AuditCount{
		Writes: 2, Refused: 1, DryRuns: 1, Reads: 3, Reviews: 1, Tokens: 1, Streams: 1, Other: 1,
	}, lab.CountAudit(events, ours))
	require.Greater(t, len(events), 0)
	for _, e := range events {
		if ours(e) {
			require.Equal(t, "create", e.Verb)
			require.Equal(t, []string{"admin", "configmaps", "default", "counted"}, []string{e.User, e.Resource, e.Namespace, e.Name})
			break
		}
	}
	none, err := c.AuditSince(c.Audit())
	require.NoError(t, err)
	require.Zero(t, lab.CountAudit(none, ours))
}
