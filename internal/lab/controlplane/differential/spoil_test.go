package differential_test

import (
	"encoding/base64"
	"maps"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

type (
	kubeconfig = clientcmdapi.Config
	cluster    = clientcmdapi.Cluster
	authInfo   = clientcmdapi.AuthInfo
)

// good is the kubeconfig that the spoils change.
func (c credentials) good() *kubeconfig {
	return &kubeconfig{
		Clusters:       map[string]*cluster{"east": {Server: "https://10.0.0.1:6443", CertificateAuthorityData: c.ca}},
		AuthInfos:      map[string]*authInfo{"east": {Token: c.token}},
		Contexts:       map[string]*clientcmdapi.Context{"east": {Cluster: "east", AuthInfo: "east"}},
		CurrentContext: "east",
	}
}

func encode(t *testing.T, config *kubeconfig) []byte {
	t.Helper()
	data, err := clientcmd.Write(*config)
	require.NoError(t, err)
	return data
}

// spoil is one change to a kubeconfig; refused says whether it alone makes istiod refuse.
type spoil struct {
	name    string
	refused bool
	do      func(*kubeconfig, *cluster, *authInfo)
}

func onUser(name string, refused bool, do func(*authInfo)) spoil {
	return spoil{name, refused, func(_ *kubeconfig, _ *cluster, u *authInfo) { do(u) }}
}

func onCluster(name string, refused bool, do func(*cluster)) spoil {
	return spoil{name, refused, func(_ *kubeconfig, c *cluster, _ *authInfo) { do(c) }}
}

func provider(name string, config map[string]string) func(*authInfo) {
	return func(u *authInfo) { u.AuthProvider = &clientcmdapi.AuthProviderConfig{Name: name, Config: config} }
}

// trusting gives the user an oidc provider with this trust. client-go keeps one
// client for each issuer, so every case needs one of its own.
func trusting(issuer string, trust map[string]string) func(*authInfo) {
	config := map[string]string{"idp-issuer-url": "https://idp.example.com/" + issuer, "client-id": "istiod"}
	maps.Copy(config, trust)
	return provider("oidc", config)
}

func spoils(t *testing.T, c credentials) []spoil {
	t.Helper()
	file := filepath.Join(t.TempDir(), "ca.crt")
	require.NoError(t, os.WriteFile(file, c.ca, 0o600))
	return append(append(userSpoils(c, file), clusterSpoils(c, file)...), contextSpoils(c)...)
}

func userSpoils(c credentials, file string) []spoil {
	oidc := map[string]string{"idp-issuer-url": "https://idp.example.com", "client-id": "istiod", "id-token": c.token}
	return []spoil{
		onUser("nothing", false, func(*authInfo) {}),
		onUser("no token", false, func(u *authInfo) { u.Token = "" }),
		onUser("token with a line end", false, func(u *authInfo) { u.Token += "\n" }),
		onUser("client certificate", false, func(u *authInfo) { u.ClientCertificateData, u.ClientKeyData = c.cert, c.key }),
		onUser("client certificate alone", false, func(u *authInfo) { *u = authInfo{ClientCertificateData: c.cert, ClientKeyData: c.key} }),
		onUser("certificate without key", true, func(u *authInfo) { u.ClientCertificateData = c.cert }),
		onUser("key without certificate", false, func(u *authInfo) { u.ClientKeyData = c.key }),
		onUser("another's key", true, func(u *authInfo) { u.ClientCertificateData, u.ClientKeyData = c.cert, c.otherKey }),
		onUser("certificate no PEM", true, func(u *authInfo) { u.ClientCertificateData, u.ClientKeyData = []byte("x"), []byte(c.token) }),
		onUser("client key file", true, func(u *authInfo) { u.ClientKey = file }),
		onUser("client certificate file", true, func(u *authInfo) { u.ClientCertificate = file }),
		onUser("missing files", true, func(u *authInfo) { u.ClientCertificate, u.ClientKey = "/no/such/crt", "/no/such/key" }),
		onUser("token file", true, func(u *authInfo) { u.TokenFile = file }),
		onUser("exec", true, func(u *authInfo) {
			u.Exec = &clientcmdapi.ExecConfig{Command: "sh", APIVersion: "client.authentication.k8s.io/v1", InteractiveMode: "Never"}
		}),
		onUser("exec incomplete", true, func(u *authInfo) { u.Exec = &clientcmdapi.ExecConfig{Args: []string{c.token}} }),
		onUser("gcp", true, provider("gcp", map[string]string{"access-token": c.token})),
		onUser("azure", true, provider("azure", nil)),
		onUser("openstack", true, provider("openstack", nil)),
		onUser("unnamed provider", true, provider("", oidc)),
		onUser("provider named by the token", true, provider(c.token, nil)),
		onUser("OIDC in upper case", true, provider("OIDC", oidc)),
		onUser("oidc", false, provider("oidc", oidc)),
		onUser("oidc alone", false, func(u *authInfo) { u.Token = ""; provider("oidc", oidc)(u) }),
		onUser("oidc without issuer", true, provider("oidc", map[string]string{"client-id": c.token})),
		onUser("oidc without client", true, provider("oidc", map[string]string{"idp-issuer-url": "https://" + c.token})),
		onUser("oidc without anything", true, provider("oidc", nil)),
		onUser("oidc CA", false, trusting("data", map[string]string{"idp-certificate-authority-data": base64.StdEncoding.EncodeToString(c.ca)})),
		onUser("oidc CA no base64", true, trusting("no-base64", map[string]string{"idp-certificate-authority-data": c.token + "%"})),
		onUser("oidc CA no PEM", true, trusting("no-PEM", map[string]string{"idp-certificate-authority-data": base64.StdEncoding.EncodeToString([]byte(c.token))})),
		onUser("oidc CA a line end", false, trusting("line-end", map[string]string{"idp-certificate-authority-data": "\n"})),
		onUser("oidc CA file", false, trusting("file", map[string]string{"idp-certificate-authority": file})),
		onUser("oidc CA file missing beside data", false, trusting("both", map[string]string{
			"idp-certificate-authority": "/no/such/ca.crt", "idp-certificate-authority-data": base64.StdEncoding.EncodeToString(c.ca),
		})),
		onUser("password", false, func(u *authInfo) { *u = authInfo{Username: "admin", Password: c.password} }),
		onUser("user name alone", false, func(u *authInfo) { *u = authInfo{Username: "admin"} }),
		onUser("password alone", false, func(u *authInfo) { *u = authInfo{Password: c.password} }),
		onUser("token and password", true, func(u *authInfo) { u.Username, u.Password = "admin", c.password }),
		onUser("impersonation", false, func(u *authInfo) { u.Impersonate = "admin" }),
		onUser("impersonation in full", false, func(u *authInfo) {
			u.Impersonate, u.ImpersonateUID, u.ImpersonateGroups = "admin", "1", []string{"g"}
			u.ImpersonateUserExtra = map[string][]string{"a": {"b"}}
		}),
		onUser("groups without user", true, func(u *authInfo) { u.ImpersonateGroups = []string{"g"} }),
		onUser("extra without user", true, func(u *authInfo) { u.ImpersonateUserExtra = map[string][]string{"a": {"b"}} }),
		onUser("UID without user", true, func(u *authInfo) { u.ImpersonateUID = "1" }),
	}
}

func clusterSpoils(c credentials, file string) []spoil {
	server := func(name, url string, refused bool) spoil {
		return onCluster(name, refused, func(c *cluster) { c.Server = url })
	}
	proxy := func(name, url string, refused bool) spoil {
		return onCluster(name, refused, func(c *cluster) { c.ProxyURL = url })
	}
	return []spoil{
		server("no server", "", true),
		server("http", "http://10.0.0.1", false),
		server("no scheme", "gateway", false),
		server("no scheme but port", "gateway:6443", false),
		server("address and port", "10.0.0.1:6443", false),
		server("path", "https://10.0.0.1/k8s/clusters/c-1/", false),
		server("path and query", "https://10.0.0.1/k8s?a=b#c", false),
		server("query", "https://10.0.0.1?a=b", false),
		server("user in server", "https://admin:"+c.password+"@10.0.0.1", false),
		server("blank in server", "https://a b", true),
		server("broken server", "https://[::1", true),
		server("bad port", "https://10.0.0.1:port", true),
		server("other scheme", "ftp://10.0.0.1", false),
		server("loopback", "https://127.0.0.1:6443", false),
		server("token as server", c.token, false),
		server("token after a blank", "https:// "+c.token, true),
		server("token as path", "https://localhost/"+c.token, false),
		proxy("token as proxy", c.token, true),
		proxy("token as path of a proxy", "http://localhost/"+c.token, false),
		proxy("proxy", "http://user:"+c.password+"@proxy:3128", false),
		proxy("socks5 proxy", "socks5://proxy:1080", false),
		proxy("socks5h proxy", "socks5h://proxy:1080", true),
		proxy("proxy scheme", "ftp://user:"+c.password+"@proxy", true),
		proxy("proxy without scheme", "proxy:3128", true),
		proxy("proxy unparsable", "http://user:"+c.password+" @proxy", true),
		proxy("proxy without host", "http://", false),
		onCluster("CA file", false, func(k *cluster) { k.CertificateAuthorityData, k.CertificateAuthority = nil, file }),
		onCluster("CA file and insecure", true, func(k *cluster) {
			k.CertificateAuthorityData, k.CertificateAuthority, k.InsecureSkipTLSVerify = nil, file, true
		}),
		onCluster("CA file and insecure over http", false, func(k *cluster) {
			*k = cluster{Server: "http://10.0.0.1", CertificateAuthority: file, InsecureSkipTLSVerify: true}
		}),
		onCluster("CA twice", true, func(k *cluster) { k.CertificateAuthority = file }),
		onCluster("no CA", false, func(k *cluster) { k.CertificateAuthorityData = nil }),
		onCluster("CA no PEM", true, func(k *cluster) { k.CertificateAuthorityData = []byte(c.token) }),
		onCluster("CA a key", true, func(k *cluster) { k.CertificateAuthorityData = c.key }),
		onCluster("CA and key", false, func(k *cluster) { k.CertificateAuthorityData = append(c.ca[:len(c.ca):len(c.ca)], c.key...) }),
		onCluster("insecure", false, func(k *cluster) { k.CertificateAuthorityData, k.InsecureSkipTLSVerify = nil, true }),
		onCluster("insecure and CA", true, func(k *cluster) { k.InsecureSkipTLSVerify = true }),
		onCluster("server name", false, func(k *cluster) { k.TLSServerName = "kubernetes.default.svc" }),
		onCluster("insecure and server name", false, func(k *cluster) {
			k.CertificateAuthorityData, k.InsecureSkipTLSVerify, k.TLSServerName = nil, true, "kubernetes"
		}),
		onCluster("no compression", false, func(k *cluster) { k.DisableCompression = true }),
		onCluster("empty cluster", true, func(k *cluster) { *k = cluster{} }),
		onCluster("extension", false, func(k *cluster) {
			k.Extensions = map[string]runtime.Object{"a": &runtime.Unknown{Raw: []byte(`{"a":1}`), ContentType: "application/json"}}
		}),
	}
}

func contextSpoils(c credentials) []spoil {
	config := func(name string, refused bool, do func(*kubeconfig)) spoil {
		return spoil{name, refused, func(k *kubeconfig, _ *cluster, _ *authInfo) { do(k) }}
	}
	return []spoil{
		config("context unknown", true, func(k *kubeconfig) { k.CurrentContext = "west" }),
		config("context unset", true, func(k *kubeconfig) { k.CurrentContext = "" }),
		config("token as context", true, func(k *kubeconfig) { k.CurrentContext = c.token }),
		config("no contexts", true, func(k *kubeconfig) { k.Contexts = nil }),
		config("no contexts, none current", true, func(k *kubeconfig) { k.Contexts, k.CurrentContext = nil, "" }),
		config("no clusters", true, func(k *kubeconfig) { k.Clusters = nil }),
		config("no users", true, func(k *kubeconfig) { k.AuthInfos = nil }),
		config("nothing at all", true, func(k *kubeconfig) { *k = kubeconfig{} }),
		config("only a current context", true, func(k *kubeconfig) { *k = kubeconfig{CurrentContext: "east"} }),
		config("context astray", true, func(k *kubeconfig) { k.Contexts["east"] = &clientcmdapi.Context{Cluster: "west", AuthInfo: "east"} }),
		config("user astray", true, func(k *kubeconfig) { k.Contexts["east"] = &clientcmdapi.Context{Cluster: "east", AuthInfo: c.token} }),
		config("context without user", true, func(k *kubeconfig) { k.Contexts["east"] = &clientcmdapi.Context{Cluster: "east"} }),
		config("context without cluster", true, func(k *kubeconfig) { k.Contexts["east"] = &clientcmdapi.Context{AuthInfo: "east"} }),
		config("empty context", true, func(k *kubeconfig) { k.Contexts["east"] = &clientcmdapi.Context{} }),
		config("namespace no name", true, func(k *kubeconfig) { k.Contexts["east"].Namespace = "A b" }),
		config("context without name", true, func(k *kubeconfig) { k.Contexts[""] = &clientcmdapi.Context{Cluster: "east", AuthInfo: "east"} }),
		config("user without name", false, func(k *kubeconfig) { k.AuthInfos[""] = &authInfo{Token: c.token} }),
		config("cluster without name", false, func(k *kubeconfig) { k.Clusters[""] = &cluster{Server: "https://b"} }),
		config("unused bad context", true, func(k *kubeconfig) { k.Contexts["other"] = &clientcmdapi.Context{Cluster: "none", AuthInfo: "none"} }),
		config("unused bad cluster", true, func(k *kubeconfig) {
			k.Clusters["other"] = &cluster{Server: "https://b", ProxyURL: "ftp://u:" + c.password + "@b"}
		}),
		config("unused user", false, func(k *kubeconfig) { k.AuthInfos["other"] = &authInfo{Token: c.token} }),
		config("unused user with file", true, func(k *kubeconfig) { k.AuthInfos["other"] = &authInfo{TokenFile: "/token"} }),
		config("unused user with provider", true, func(k *kubeconfig) {
			k.AuthInfos["other"] = &authInfo{AuthProvider: &clientcmdapi.AuthProviderConfig{Name: "gcp"}}
		}),
		config("unused unnamed provider", false, func(k *kubeconfig) {
			k.AuthInfos["other"] = &authInfo{AuthProvider: &clientcmdapi.AuthProviderConfig{}}
		}),
		config("unnamed provider over http", false, func(k *kubeconfig) {
			k.Clusters["east"].Server, k.AuthInfos["east"].AuthProvider = "http://10.0.0.1", &clientcmdapi.AuthProviderConfig{}
		}),
		config("another context current", false, func(k *kubeconfig) {
			k.Clusters["b"], k.AuthInfos["b"] = &cluster{Server: "https://b"}, &authInfo{Token: "b" + c.token}
			k.Contexts["b"], k.CurrentContext = &clientcmdapi.Context{Cluster: "b", AuthInfo: "b", Namespace: "b"}, "b"
		}),
		config("preferences", false, func(k *kubeconfig) { k.Preferences = clientcmdapi.Preferences{Colors: true} }),
	}
}
