//go:build linux

package topology_test

import (
	"context"
	"net/http"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/util/retry"
)

// eachIsNeeded takes one right to write after the other from the istiod that serves leaf, harms what it writes there, sees
// that it is refused and mends nothing, and gives the right back.
func eachIsNeeded(t *testing.T, w *world) {
	client, err := kubernetes.NewForConfig(w.Cluster(leaf).Config)
	require.NoError(t, err)
	l := served{client}
	for _, c := range []struct {
		verb, resource string
		harm           func(context.Context) error
		mended         func(context.Context) bool
	}{
		{"create", "configmaps", l.loseRoot, l.hasRoot},
		{"update", "configmaps", l.spoilRoot, l.hasRoot},
		{"update", "mutatingwebhookconfigurations", l.unsignWebhook, l.webhookSigned},
		{"create", "tokenreviews", l.newClient, l.clientReady},
	} {
		t.Run(c.verb+" "+c.resource, func(t *testing.T) {
			mark := w.Cluster(leaf).Audit()
			before := l.drop(t, c.verb, c.resource)
			require.NoError(t, c.harm(t.Context()))
			require.Eventually(t, func() bool {
				events, err := w.Cluster(leaf).AuditSince(mark)
				require.NoError(t, err)
				for _, e := range events {
					if e.User == readerOfNorth && e.Verb == c.verb && e.Resource == c.resource && e.Code == http.StatusForbidden {
						return true
					}
				}
				return false
			}, patience, tick, "istiod does not try")
			require.False(t, c.mended(t.Context()), "without the right")

			l.restore(t, before)
			require.NoError(t, c.harm(t.Context()), "again: istiod may have given up")
			require.Eventually(t, func() bool { return c.mended(t.Context()) }, 2*patience, tick, "with the right again")
		})
	}
}

// served is the cluster as its administrator changes it.
type served struct{ kubernetes.Interface }

const (
	rootName    = "istio-ca-root-cert"
	webhookName = "istio-sidecar-injector"
	roleOfNorth = "meshpeer-reader-north"
)

func (s served) loseRoot(ctx context.Context) error {
	err := s.CoreV1().ConfigMaps("default").Delete(ctx, rootName, metav1.DeleteOptions{})
	if !apierrors.IsNotFound(err) {
		return err
	}
	_, err = s.CoreV1().ConfigMaps("default").Create(ctx, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: rootName}}, metav1.CreateOptions{})
	if err != nil {
		return err
	}
	return s.CoreV1().ConfigMaps("default").Delete(ctx, rootName, metav1.DeleteOptions{})
}

func (s served) spoilRoot(ctx context.Context) error {
	return retry.RetryOnConflict(retry.DefaultRetry, func() error {
		root, err := s.CoreV1().ConfigMaps("default").Get(ctx, rootName, metav1.GetOptions{})
		if err != nil {
			return err
		}
		root.Data = nil
		_, err = s.CoreV1().ConfigMaps("default").Update(ctx, root, metav1.UpdateOptions{})
		return err
	})
}

func (s served) hasRoot(ctx context.Context) bool {
	root, err := s.CoreV1().ConfigMaps("default").Get(ctx, rootName, metav1.GetOptions{})
	return err == nil && root.Data["root-cert.pem"] != ""
}

// unsignWebhook changes the webhook each time: istiod does not try again by itself (pkg/webhooks/webhookpatch.go drops the
// error).
func (s served) unsignWebhook(ctx context.Context) error {
	return retry.RetryOnConflict(retry.DefaultRetry, func() error {
		webhook, err := s.AdmissionregistrationV1().MutatingWebhookConfigurations().Get(ctx, webhookName, metav1.GetOptions{})
		if err != nil {
			return err
		}
		if webhook.Annotations == nil {
			webhook.Annotations = map[string]string{}
		}
		webhook.Annotations["lab/unsigned"] += "again "
		for i := range webhook.Webhooks {
			webhook.Webhooks[i].ClientConfig.CABundle = nil
		}
		_, err = s.AdmissionregistrationV1().MutatingWebhookConfigurations().Update(ctx, webhook, metav1.UpdateOptions{})
		return err
	})
}

func (s served) webhookSigned(ctx context.Context) bool {
	webhook, err := s.AdmissionregistrationV1().MutatingWebhookConfigurations().Get(ctx, webhookName, metav1.GetOptions{})
	return err == nil && len(webhook.Webhooks[0].ClientConfig.CABundle) > 0
}

// newClient ends the client's Pods: a new one has a proxy that istiod has to recognize.
func (s served) newClient(ctx context.Context) error {
	return s.CoreV1().Pods("default").DeleteCollection(ctx, metav1.DeleteOptions{}, metav1.ListOptions{LabelSelector: "app=sleep"})
}

func (s served) clientReady(ctx context.Context) bool {
	pods, err := s.CoreV1().Pods("default").List(ctx, metav1.ListOptions{LabelSelector: "app=sleep"})
	return err == nil && len(pods.Items) == 1 && pods.Items[0].DeletionTimestamp == nil &&
		slices.ContainsFunc(pods.Items[0].Status.Conditions, func(c corev1.PodCondition) bool { return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue })
}

// drop takes a verb on a resource from the reader's role, and returns the rules as they were.
func (s served) drop(t *testing.T, verb, resource string) []rbacv1.PolicyRule {
	t.Helper()
	role, err := s.RbacV1().ClusterRoles().Get(t.Context(), roleOfNorth, metav1.GetOptions{})
	require.NoError(t, err)
	before := role.DeepCopy().Rules
	for i := range role.Rules {
		if slices.Contains(role.Rules[i].Resources, resource) {
			role.Rules[i].Verbs = slices.DeleteFunc(role.Rules[i].Verbs, func(v string) bool { return v == verb })
		}
	}
	role.Rules = slices.DeleteFunc(role.Rules, func(r rbacv1.PolicyRule) bool { return len(r.Verbs) == 0 })
	_, err = s.RbacV1().ClusterRoles().Update(t.Context(), role, metav1.UpdateOptions{})
	require.NoError(t, err)
	return before
}

func (s served) restore(t *testing.T, rules []rbacv1.PolicyRule) {
	t.Helper()
	role, err := s.RbacV1().ClusterRoles().Get(t.Context(), roleOfNorth, metav1.GetOptions{})
	require.NoError(t, err)
	role.Rules = rules
	_, err = s.RbacV1().ClusterRoles().Update(t.Context(), role, metav1.UpdateOptions{})
	require.NoError(t, err)
}
