package secrets

import (
	"cmp"
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	utilerrors "k8s.io/apimachinery/pkg/util/errors"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

const remedyInvalid = "correct it, or build the Secret anew"

// validate reports what clientcmd.Validate refuses. What it would look up in the
// file system, or quote a credential for, is taken out first and judged here.
func (in *inspection) validate(config *clientcmdapi.Config) {
	safe := withoutFiles(config)
	for _, name := range sorted(config.Clusters) {
		cluster := config.Clusters[name]
		if cluster.CertificateAuthority != "" && len(cluster.CertificateAuthorityData) > 0 {
			in.add(SeverityError, in.clusterField(name, "certificate-authority"),
				"kubeconfig is not valid: certificate-authority-data and certificate-authority are both specified", "keep the data only")
		}
		if u, err := url.Parse(cluster.ProxyURL); cluster.ProxyURL != "" && (err != nil || !proxyScheme(u.Scheme)) {
			in.add(SeverityError, in.clusterField(name, "proxy-url"),
				fmt.Sprintf("kubeconfig is not valid: invalid proxy-url %q", in.shown(cluster.ProxyURL)), "write http://, https:// or socks5://, then host:port")
			safe.Clusters[name].ProxyURL = ""
		}
	}
	if _, found := safe.Contexts[""]; found {
		in.add(SeverityError, "contexts", "kubeconfig is not valid: a context has no name", "name it")
		delete(safe.Contexts, "")
		if clientcmdapi.IsConfigEmpty(safe) {
			return
		}
	}
	var texts []string
	err := clientcmd.Validate(*safe)
	var all utilerrors.Aggregate
	switch {
	case err == nil:
		return
	case clientcmd.IsEmptyConfig(err):
		texts = []string{"it holds no cluster, no context and no user"}
	case errors.As(err, &all):
		for _, one := range all.Errors() {
			texts = append(texts, one.Error())
		}
	}
	slices.Sort(texts)
	for _, text := range texts {
		in.add(SeverityError, "data", "kubeconfig is not valid: "+in.redact(strings.TrimSuffix(text, ".")), remedyInvalid)
	}
}

// withoutFiles is a copy in which data stands in for every file that config
// names, since the files meant are istiod's, and without commands.
func withoutFiles(config *clientcmdapi.Config) *clientcmdapi.Config {
	config = config.DeepCopy()
	inline := func(file *string, data *[]byte) {
		if *file != "" && len(*data) == 0 {
			*data = []byte("file")
		}
		*file = ""
	}
	for _, cluster := range config.Clusters {
		inline(&cluster.CertificateAuthority, &cluster.CertificateAuthorityData)
	}
	for _, user := range config.AuthInfos {
		inline(&user.ClientCertificate, &user.ClientCertificateData)
		inline(&user.ClientKey, &user.ClientKeyData)
		user.TokenFile, user.Exec = "", nil
	}
	return config
}

const remedyInline = "use an inline token; istiod takes this only where PILOT_INSECURE_MULTICLUSTER_KUBECONFIG_OPTIONS allows it"

// sanitize reports the credentials that istiod's sanitizer refuses, of every
// user in the file and not of the current one alone (Istio pkg/kube/util.go
// sanitizeKubeConfig).
func (in *inspection) sanitize(config *clientcmdapi.Config) {
	for _, name := range sorted(config.AuthInfos) {
		user := config.AuthInfos[name]
		refuse := func(field, what string) {
			in.add(SeverityError, in.userField(name, field), "kubeconfig is not allowed: "+what+" is not allowed", remedyInline)
		}
		// The empty name is in istiod's empty list of permitted providers (Istio
		// pilot/pkg/features, InsecureKubeConfigOptions); authenticate refuses it where it is used.
		if provider := user.AuthProvider; provider != nil && provider.Name != "oidc" && provider.Name != "" {
			refuse("auth-provider", "auth provider "+in.redact(provider.Name))
		}
		if user.ClientKey != "" {
			refuse("client-key", "clientKey")
		}
		if user.ClientCertificate != "" {
			refuse("client-certificate", "clientCertificate")
		}
		if user.TokenFile != "" {
			refuse("tokenFile", "tokenFile")
		}
		if user.Exec != nil {
			refuse("exec", "exec")
		}
	}
}

// credential names what user holds besides or instead of a token.
func credential(user *clientcmdapi.AuthInfo) string {
	var kinds []string
	if len(user.ClientCertificateData) > 0 {
		kinds = append(kinds, "client certificate")
	}
	if user.Username != "" || user.Password != "" {
		kinds = append(kinds, "basic auth")
	}
	if user.AuthProvider != nil {
		kinds = append(kinds, cmp.Or(user.AuthProvider.Name, "unnamed")+" auth provider")
	}
	if len(kinds) == 0 && user.Token == "" {
		kinds = append(kinds, "none")
	}
	if user.Impersonate != "" {
		kinds = append(kinds, "impersonation")
	}
	return strings.Join(kinds, " + ")
}

// authenticate reports why client-go builds no client with the auth provider
// (plugin/pkg/client/auth/oidc/oidc.go newOIDCAuthProvider).
func (in *inspection) authenticate(field string, provider *clientcmdapi.AuthProviderConfig) {
	config := provider.Config
	ca, err := base64.StdEncoding.DecodeString(config["idp-certificate-authority-data"])
	if err == nil {
		_, err = rest.TLSConfigFor(&rest.Config{TLSClientConfig: rest.TLSClientConfig{CAData: ca}})
	}
	switch {
	case provider.Name == "":
		in.add(SeverityError, field, "no client can be built: the auth provider has no name", "name it oidc, or give an inline token")
	case config["idp-issuer-url"] == "" || config["client-id"] == "":
		in.add(SeverityError, field, "no client can be built: oidc lacks idp-issuer-url or client-id", "give both, or an inline token")
	case err != nil:
		in.add(SeverityError, field, "no client can be built: idp-certificate-authority-data: "+in.redact(err.Error()),
			"give a PEM bundle of certificates in base64, or an inline token")
	case config["idp-certificate-authority"] != "" && len(ca) == 0:
		in.add(SeverityWarning, field, "idp-certificate-authority names a file, which istiod reads in its own container and refuses the kubeconfig without",
			"put the certificates into idp-certificate-authority-data")
	}
}
