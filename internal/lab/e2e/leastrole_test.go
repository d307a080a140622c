//go:build linux

package e2e_test

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes"

	"github.com/meshpeer/meshpeer/internal/lab"
	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/peering/istiod"
	"github.com/meshpeer/meshpeer/rbac"
	"github.com/meshpeer/meshpeer/rbac/rbactest"
	"github.com/meshpeer/meshpeer/secrets"
)

// TestLeastRoleOfIstiod lets a real istiod read a cluster with its chart's role, takes the least role from the cluster's audit
// log, and lets it read the cluster with that. Then it asks Enforce what the API server was asked.
func TestLeastRoleOfIstiod(t *testing.T) {
	w := start(t,
		lab.ClusterOptions{ID: "read", GatewayAPI: true},
		lab.ClusterOptions{ID: "reader", RemoteClusterTimeout: 5 * time.Second})
	replica, log := w.Clusters[1].Istiods[0], w.Clusters[0].AuditLog()
	becomes := func(id string, want istiod.Status) {
		t.Helper()
		require.Eventually(t, func() bool {
			clusters, err := replica.Clusterz(t.Context())
			return err == nil && slices.ContainsFunc(clusters, func(c lab.RemoteCluster) bool {
				return c.ID == id && istiod.Status(c.SyncStatus) == want
			})
		}, patience, tick, "%s does not become %s", id, want)
	}
	seen := func(account string) *rbac.Audit {
		file, err := os.Open(log)
		require.NoError(t, err)
		defer file.Close()
		audit, err := rbac.FromAudit(file, rbac.AuditOptions{User: rbac.ServiceAccount("istio-system", account).User, Names: 2})
		require.NoError(t, err)
		return audit
	}

	wide, err := rbac.Render(rbac.Options{Profile: rbac.Upstream, Name: "wide", ServiceAccount: "wide"})
	require.NoError(t, err)
	readWith(t, w, "wide", wide.Objects())
	becomes("wide", istiod.Synced)
	var audit *rbac.Audit
	require.Eventually(t, func() bool { // what it has listed, it watches
		audit = seen("wide")
		watched := 0
		for _, a := range audit.Allowed {
			if a.Verb == "watch" {
				watched++
			}
			if a.Verb == "list" && !slices.ContainsFunc(audit.Allowed, func(b rbac.AuditAccess) bool {
				return b.Verb == "watch" && b.Group == a.Group && b.Resource == a.Resource && b.Namespace == a.Namespace
			}) {
				return false
			}
		}
		return watched > 0
	}, patience, tick)
	require.Empty(t, audit.Refused)
	require.Empty(t, audit.Unresolved)
	for _, a := range audit.Allowed {
		t.Logf("%3d %s", a.Requests, a)
	}
	require.Empty(t, rbac.Extra(audit.ClusterRules, wide.ClusterRole.Rules), "no more than it has")
	require.NotEmpty(t, rbac.Missing(audit.ClusterRules, wide.ClusterRole.Rules), "which is more than it needs")

	least := func(account string) []runtime.Object {
		audit := *audit
		audit.User = rbac.ServiceAccount("istio-system", account).User
		meta := metav1.ObjectMeta{Namespace: "istio-system", Name: account}
		sa := &corev1.ServiceAccount{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "ServiceAccount"}, ObjectMeta: meta}
		return append([]runtime.Object{sa}, audit.Objects(account)...)
	}
	narrow := least("narrow")
	for _, o := range narrow {
		if role, ok := o.(*rbacv1.ClusterRole); ok {
			role.Rules = rbac.Missing([]rbacv1.PolicyRule{{Verbs: []string{"*"}, APIGroups: []string{"*"}, Resources: []string{"secrets", "nodes"}}}, role.Rules)
		}
	}
	readWith(t, w, "least", least("least"))
	readWith(t, w, "narrow", narrow)
	becomes("least", istiod.Synced)
	becomes("narrow", istiod.TimedOut)
	require.Empty(t, seen("least").Refused)
	require.Equal(t, audit.ClusterRules, seen("least").ClusterRules)
	require.NotEmpty(t, seen("narrow").Refused)

	replay(t, w.Clusters[0])
}

// readWith makes cluster 0 known to the istiod of cluster 1 under a name, which is also that of the account among the objects.
func readWith(t *testing.T, w *world, name string, objects []runtime.Object) {
	t.Helper()
	for _, o := range objects {
		_, err := w.clusters[0].Objects.Create(t.Context(), o.(peering.Object))
		require.NoError(t, err)
	}
	granted, err := w.clusters[0].Accounts("istio-system").CreateToken(t.Context(), name, &authenticationv1.TokenRequest{}, metav1.CreateOptions{})
	require.NoError(t, err)
	token := secrets.NewToken(granted.Status.Token, granted.Status.ExpirationTimestamp.Time)
	secret, err := secrets.Build(secrets.Remote{Cluster: name, Endpoint: w.clusters[0].Endpoint, Token: token}, secrets.Options{})
	require.NoError(t, err)
	_, err = w.clusters[1].Objects.Create(t.Context(), secret)
	require.NoError(t, err)
}

// replay asks Enforce for each request of the readers in the audit log: the answer must be the API server's.
func replay(t *testing.T, cluster *lab.Cluster) {
	t.Helper()
	policy := livePolicy(t, cluster)
	text, err := os.ReadFile(cluster.AuditLog())
	require.NoError(t, err)
	answers := map[string]int{}
	for line := range strings.Lines(string(text)) {
		var event struct {
			Verb, RequestURI, Stage string
			User                    struct{ Username string }
			Annotations             map[string]string
			ResponseStatus          struct{ Message string }
		}
		require.NoError(t, json.Unmarshal([]byte(line), &event))
		account := strings.TrimPrefix(event.User.Username, "system:serviceaccount:istio-system:")
		if !slices.Contains([]string{"wide", "least", "narrow"}, account) || event.Stage != "ResponseComplete" && event.Stage != "ResponseStarted" {
			continue
		}
		method := map[string]string{"list": "GET", "watch": "GET", "create": "POST", "update": "PUT", "deletecollection": "DELETE"}[event.Verb]
		if method == "" {
			method = strings.ToUpper(event.Verb)
		}
		req, err := http.NewRequest(method, "https://127.0.0.1"+event.RequestURI, nil)
		require.NoError(t, err)
		res, err := rbactest.EnforcePolicy(silent{}, policy, rbac.ServiceAccount("istio-system", account)).Wrap(silent{}).RoundTrip(req)
		require.NoError(t, err)
		answer := map[int]string{http.StatusOK: "allow", http.StatusForbidden: "forbid"}[res.StatusCode]
		require.Equal(t, event.Annotations["authorization.k8s.io/decision"], answer, line)
		if answer == "forbid" {
			body, err := io.ReadAll(res.Body)
			require.NoError(t, err)
			var status metav1.Status
			require.NoError(t, json.Unmarshal(body, &status))
			require.Equal(t, event.ResponseStatus.Message, status.Message)
		}
		answers[answer]++
	}
	t.Logf("%v", answers)
	require.GreaterOrEqual(t, answers["allow"], 20, "two readers of ten kinds each")
	require.Greater(t, answers["forbid"], 0)
}

// livePolicy is what the cluster has of roles and bindings.
func livePolicy(t *testing.T, cluster *lab.Cluster) *rbac.Policy {
	t.Helper()
	client, err := kubernetes.NewForConfig(cluster.Config)
	require.NoError(t, err)
	var lists []runtime.Object
	for _, list := range []func() (runtime.Object, error){
		func() (runtime.Object, error) {
			return client.RbacV1().ClusterRoles().List(t.Context(), metav1.ListOptions{})
		},
		func() (runtime.Object, error) {
			return client.RbacV1().ClusterRoleBindings().List(t.Context(), metav1.ListOptions{})
		},
		func() (runtime.Object, error) {
			return client.RbacV1().Roles("").List(t.Context(), metav1.ListOptions{})
		},
		func() (runtime.Object, error) {
			return client.RbacV1().RoleBindings("").List(t.Context(), metav1.ListOptions{})
		},
	} {
		objects, err := list()
		require.NoError(t, err)
		lists = append(lists, objects)
	}
	policy, err := rbac.NewPolicy(lists...)
	require.NoError(t, err)
	return policy
}

// silent is a test that does not mind failures, and a server that answers what Enforce lets through.
type silent struct{}

func (silent) Helper()               {}
func (silent) Errorf(string, ...any) {}
func (silent) Fatalf(string, ...any) {}

func (silent) RoundTrip(req *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody, Request: req}, nil
}
