//go:build linux

package e2e_test

import (
	"bytes"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"

	"github.com/meshpeer/meshpeer/internal/lab"
	"github.com/meshpeer/meshpeer/rbac"
	"github.com/meshpeer/meshpeer/rbac/rbactest"
)

// TestRights runs the controller as the account of its manifests, with their rights and no more, on real API servers: it peers,
// rotates and removes, nothing that it asks for is refused, and the rights that it has no use for are known.
func TestRights(t *testing.T) {
	s := open(t)
	s.grant(s.Clusters[0], "../config/rbac")
	for _, c := range s.Clusters {
		s.grant(c, "../config/member/write")
	}
	for _, c := range s.Clusters {
		secret := &corev1.Secret{}
		require.NoError(t, s.c.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: c.ID + "-kubeconfig"}, secret))
		secret.Data["value"] = s.account(c)
		require.NoError(t, s.c.Update(t.Context(), secret))
	}
	defer func() {
		if !t.Failed() {
			return
		}
		for _, c := range s.Clusters {
			events, err := c.AuditSince(lab.AuditMark{})
			require.NoError(t, err)
			for _, e := range events {
				if e.User == rbac.ServiceAccount(namespace, "meshpeer-controller").User {
					t.Log(c.ID, e.Time.Format("05.000"), e.Code, e.Verb, e.URI)
				}
			}
		}
	}()
	kubeconfig := filepath.Join(t.TempDir(), "kubeconfig")
	require.NoError(t, os.WriteFile(kubeconfig, s.account(s.Clusters[0]), 0o600))
	s.replicas["a"] = start(t, s.program, kubeconfig, "a")

	require.NoError(t, s.c.Create(t.Context(), aMesh()))
	await(t, "both links ready", s.ready("2/2"))
	s.rotates(1)
	require.NoError(t, s.c.Delete(t.Context(), s.mesh()))
	await(t, "the Mesh is gone", func() string { return unless(s.mesh() == nil, "%+v", s.mesh()) })
	s.replicas["a"].stop(t)
	require.Empty(t, holder(t, s.c), "the Lease is released with the right to update it")

	// cluster-1 holds the Mesh and is a member: one account with both sets.
	s.used(s.Clusters[0], []string{"../config/rbac", "../config/member/write"})
	s.used(s.Clusters[1], []string{"../config/member/write"})
}

func (s *scene) grant(c *lab.Cluster, dir string) {
	s.Helper()
	require.NoError(s, c.Apply(s.Context(), manifests(s.T, dir)), dir)
}

func manifests(t *testing.T, dirs ...string) (all []byte) {
	t.Helper()
	for _, dir := range dirs {
		found, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), dir)
		require.NoError(t, err)
		text, err := found.AsYaml()
		require.NoError(t, err)
		all = append(append(all, text...), "\n---\n"...)
	}
	return all
}

// account is a kubeconfig of the controller's account.
func (s *scene) account(c *lab.Cluster) []byte {
	s.Helper()
	admin, err := client.New(c.Config, client.Options{})
	require.NoError(s, err)
	request := &authenticationv1.TokenRequest{}
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "meshpeer-controller"}}
	require.NoError(s, admin.SubResource("token").Create(s.Context(), account, request))
	config, err := clientcmd.LoadFromFile(c.Kubeconfig)
	require.NoError(s, err)
	config.AuthInfos[config.Contexts[config.CurrentContext].AuthInfo] = &clientcmdapi.AuthInfo{Token: request.Status.Token}
	text, err := clientcmd.Write(*config)
	require.NoError(s, err)
	return text
}

// used compares what the audit log of a cluster shows of the account with what manifests grant it.
func (s *scene) used(c *lab.Cluster, dirs []string) {
	s.Helper()
	account := rbac.ServiceAccount(namespace, "meshpeer-controller")
	log, err := os.Open(c.AuditLog())
	require.NoError(s, err)
	defer log.Close()
	seen, err := rbac.FromAudit(log, rbac.AuditOptions{User: account.User})
	require.NoError(s, err)
	require.NotEmpty(s, seen.Allowed)
	for _, refused := range seen.Refused { // preflight may be refused: its checks say unknown
		if refused.Verb != "list" && refused.Verb != "get" || !preflight[refused.Resource] {
			s.Errorf("%s refuses %s", c.ID, refused)
		}
	}
	policy, err := rbac.Load(bytes.NewReader(manifests(s.T, dirs...)))
	require.NoError(s, err)
	enforced := rbactest.EnforcePolicy(anything{}, policy, account)
	events, err := c.AuditSince(lab.AuditMark{})
	require.NoError(s, err)
	methods := map[string]string{"list": "GET", "watch": "GET", "get": "GET", "create": "POST", "update": "PUT", "patch": "PATCH", "delete": "DELETE"}
	for _, e := range events {
		if e.User != account.User || methods[e.Verb] == "" {
			continue
		}
		req, err := http.NewRequestWithContext(s.Context(), methods[e.Verb], "https://127.0.0.1"+e.URI, nil)
		require.NoError(s, err)
		res, err := enforced.Wrap(anything{}).RoundTrip(req)
		require.NoError(s, err)
		require.NoError(s, res.Body.Close())
	}
	for _, u := range enforced.Unused() {
		s.Logf("%s: not needed here: %s", c.ID, u)
	}
}

// preflight reads these where it may (config/member/preflight).
var preflight = map[string]bool{"services": true, "destinationrules": true, "peerauthentications": true, "networkpolicies": true, "gateways": true}

// anything answers whatever it is asked, and minds nothing.
type anything struct{}

func (anything) Helper()               {}
func (anything) Errorf(string, ...any) {}
func (anything) Fatalf(string, ...any) {}

func (anything) RoundTrip(req *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody, Request: req}, nil
}
