package secrets_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshpeer/meshpeer/secrets"
)

func ExampleBuild() {
	secret, err := secrets.Build(secrets.Remote{
		Cluster:  "east",
		Endpoint: secrets.Endpoint{Server: "https://api.east.example.com:6443"},
		Token:    secrets.NewToken("token", time.Time{}),
	}, secrets.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(secret.Namespace, secret.Name, secret.Labels)
	fmt.Printf("%s", secret.Data["east"])
	// Output:
	// istio-system istio-remote-secret-east map[istio/multiCluster:true]
	// apiVersion: v1
	// clusters:
	// - cluster:
	//     server: https://api.east.example.com:6443
	//   name: east
	// contexts:
	// - context:
	//     cluster: east
	//     user: east
	//   name: east
	// current-context: east
	// kind: Config
	// users:
	// - name: east
	//   user:
	//     token: token
}

// The password of a proxy is kept apart from its URL. It is in the Secret, and Lint warns of that.
func ExampleBuild_proxy() {
	secret, err := secrets.Build(secrets.Remote{
		Cluster: "east",
		Endpoint: secrets.Endpoint{
			Server:    "https://api.east.example.com:6443",
			ProxyURL:  "http://proxy.example.com:3128",
			ProxyAuth: secrets.NewProxyAuth("istiod", "password"),
		},
		Token: secrets.NewToken("token", time.Time{}),
	}, secrets.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, problem := range secrets.Lint(secret) {
		fmt.Println(problem.Severity, problem.Field, problem.Message)
	}
	// Output:
	// warning clusters[east].proxy-url "http://REDACTED@proxy.example.com:3128" has credentials, which everyone who may read the Secret sees in the kubeconfig
	// warning clusters[east].certificate-authority-data is empty, so the system roots of the istiod image decide whether istiod trusts the server
}

func ExampleBuild_refused() {
	_, err := secrets.Build(secrets.Remote{
		Cluster:  "east",
		Endpoint: secrets.Endpoint{Server: "https://localhost:6443"},
		Token:    secrets.NewToken("token", time.Time{}),
	}, secrets.Options{})
	fmt.Println(err)
	// Output:
	// Endpoint.Server "https://localhost:6443": is an address of the local host, where istiod would find only itself; give an address that the reading istiod's pods reach, or set AllowLoopback if it runs on this host
}

func ExampleParse() {
	secret, err := secrets.Build(secrets.Remote{
		Cluster:  "east",
		Endpoint: secrets.Endpoint{Server: "https://10.0.0.1", TLSServerName: "api.east.example.com"},
		Token:    secrets.NewToken("token", time.Time{}),
	}, secrets.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	remotes, err := secrets.Parse(secret)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, r := range remotes {
		fmt.Println(r)
	}
	// Output:
	// east at https://10.0.0.1 (server name api.east.example.com) with token 3c469e9d
}

func ExampleLint() {
	secret := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: "istio-system", Name: "istio-remote-secret-east"},
		StringData: map[string]string{"east": `
clusters: [{name: east, cluster: {server: "https://127.0.0.1:6443", insecure-skip-tls-verify: true}}]
users: [{name: east, user: {exec: {apiVersion: client.authentication.k8s.io/v1, command: aws, interactiveMode: Never}}}]
contexts: [{name: east, context: {cluster: east, user: east}}]
current-context: east
`},
	}
	for _, p := range secrets.Lint(secret) {
		fmt.Println(p.Severity, p)
	}
	// Output:
	// error secrets: metadata.labels: has no label istio/multiCluster, so istiod does not see it; set it to true, in lower case
	// error secrets: east: users[east].exec: kubeconfig is not allowed: exec is not allowed; use an inline token; istiod accepts this only if PILOT_INSECURE_MULTICLUSTER_KUBECONFIG_OPTIONS permits exec
}

func ExampleFirst() {
	vault := secrets.TokenSourceFunc(func(context.Context, secrets.Request) (secrets.Token, error) {
		return secrets.Token{}, errors.New("vault is sealed")
	})
	source := secrets.First(vault, secrets.Static(secrets.NewToken("token", time.Time{})))

	token, err := source.Token(context.Background(), secrets.Request{Reader: "west", ServiceAccount: "west-reads-east"})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(token, token.Ref().Kind, token.Ref().Warnings)
	// Output:
	// REDACTED static [source 1 (secrets.TokenSourceFunc) gave no token: vault is sealed]
}
