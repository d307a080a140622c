package secrets

import (
	"crypto/tls"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// inspection is one data key of a Secret, read as istiod reads it.
type inspection struct {
	remote   Remote
	problems []Problem
	// permitted are the insecure options of the istiod that reads.
	permitted map[string]bool
	// redact takes the file's credentials out of its names and of others' errors.
	redact func(string) string
}

func (in *inspection) add(severity Severity, field, message, remedy string) {
	in.problems = append(in.problems, problem(in.remote.Cluster, field, message, remedy, severity))
}

// refused reports whether istiod would refuse the kubeconfig.
func (in *inspection) refused() bool {
	return slices.ContainsFunc(in.problems, func(p Problem) bool { return p.Severity == SeverityError })
}

// inspect goes the way of Istio pkg/kube/util.go NewUntrustedRestConfig, and one
// step on: building the client. It reads no files and dials nobody.
func inspect(key string, kubeconfig []byte, permitted map[string]bool) *inspection {
	in := &inspection{remote: Remote{Cluster: key}, permitted: permitted}
	if !in.readPlain(kubeconfig) {
		in.readAny(kubeconfig)
	}
	return in
}

func (in *inspection) readAny(kubeconfig []byte) {
	config := in.load(kubeconfig)
	if config == nil {
		return
	}
	in.redact = redactor(config)
	in.validate(config)
	in.sanitize(config)
	if !in.refused() {
		in.connect(config)
	}
}

// connect finds what the client of the current context would use.
func (in *inspection) connect(config *clientcmdapi.Config) {
	current := config.Contexts[config.CurrentContext]
	if current == nil {
		current = clientcmdapi.NewContext()
	}
	client, err := clientcmd.NewDefaultClientConfig(*withoutFiles(config, false), &clientcmd.ConfigOverrides{}).ClientConfig()
	if err != nil { // validate has found every other reason
		in.add(SeverityError, "current-context", "kubeconfig is not valid: it chooses no cluster", "set current-context to one of the contexts")
		return
	}
	cluster, user := config.Clusters[current.Cluster], config.AuthInfos[current.AuthInfo]
	if user == nil {
		user = clientcmdapi.NewAuthInfo()
	}
	if _, _, err := rest.DefaultServerUrlFor(client); err != nil {
		in.add(SeverityError, in.clusterField(current.Cluster, "server"), fmt.Sprintf("%q is not an address that a client can be built for", in.shown(cluster.Server)), "write https://host:port")
		return
	}
	if rest.IsConfigTransportTLS(*client) { // else clientcmd leaves the credentials out
		in.authenticate(current.AuthInfo, user)
	}
	if in.refused() {
		return
	}
	client.AuthProvider = nil // this program need not have the plugin
	if user.ClientCertificate != "" || user.ClientKey != "" {
		client.CertData, client.KeyData = nil, nil // only istiod can read the files
	}
	if _, err := tls.X509KeyPair(client.CertData, client.KeyData); len(client.CertData) > 0 && err != nil {
		in.add(SeverityError, in.userField(current.AuthInfo, "client-certificate-data"), "no client can be built: "+in.redact(err.Error()), "give a PEM certificate and its key")
		return
	}
	trust := "certificate-authority-data"
	if cluster.CertificateAuthority != "" {
		trust = "certificate-authority"
		if !client.Insecure { // which no content of the file would go with
			client.CAData = nil // only istiod can read it
		}
	}
	if _, err := rest.TLSConfigFor(client); err != nil {
		in.add(SeverityError, in.clusterField(current.Cluster, trust),
			"no client can be built: "+in.redact(err.Error()), "give a PEM bundle of certificates, and do not set insecure-skip-tls-verify with it")
		return
	}
	in.remote.Endpoint = Endpoint{
		Server: cluster.Server, TLSServerName: cluster.TLSServerName,
		CA: slices.Clone(cluster.CertificateAuthorityData), InsecureSkipTLSVerify: cluster.InsecureSkipTLSVerify,
	}
	in.remote.Endpoint.ProxyURL, in.remote.Endpoint.ProxyAuth = splitProxy(cluster.ProxyURL)
	in.remote.CAFile = cluster.CertificateAuthority
	in.remote.Token = NewToken(user.Token, expiry(user.Token))
	in.remote.Credential = credential(user)
	in.misread(config, current, client)
}

func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// shown is a URL of the file as far as it may be shown.
func (in *inspection) shown(url string) string { return shownURL(in.redact(url)) }

func (in *inspection) clusterField(name, field string) string {
	return "clusters[" + shownName(in.redact(name)) + "]." + field
}

func (in *inspection) userField(name, field string) string {
	return "users[" + shownName(in.redact(name)) + "]." + field
}

var lineNumber = regexp.MustCompile(`line \d+`)

// load parses the kubeconfig, or says why istiod cannot. The parser's own error
// is not passed on: for a duplicate name it quotes the whole list of users.
func (in *inspection) load(kubeconfig []byte) *clientcmdapi.Config {
	if len(kubeconfig) == 0 {
		in.add(SeverityError, "data", "kubeconfig is empty", "remove the key, or fill it with a kubeconfig")
		return nil
	}
	config, err := clientcmd.Load(kubeconfig)
	if err == nil {
		return config
	}
	why, remedy := "it is not the YAML of a kubeconfig", "write it again; every data key must be a cluster ID with a kubeconfig"
	switch text := err.Error(); {
	case strings.Contains(text, "duplicate name"):
		why, remedy = "two clusters, contexts or users have one name", "give each its own name"
	case strings.Contains(text, "no kind ") || strings.Contains(text, "no version "):
		why, remedy = "apiVersion and kind are not those of a kubeconfig", "write apiVersion: v1 and kind: Config"
	case strings.Contains(text, "illegal base64"):
		why, remedy = "a field that ends in -data is not base64", "encode it"
	case lineNumber.MatchString(text):
		why += ", see " + lineNumber.FindString(text)
	}
	in.add(SeverityError, "data", "kubeconfig cannot be loaded: "+why, remedy)
	return nil
}
