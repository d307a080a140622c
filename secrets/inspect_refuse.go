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

const remedyInvalid = "correct it, or build the Secret again"

// validate reports what clientcmd.Validate refuses. What it would look up in the
// file system, or quote a credential for, is taken out first and judged here.
func (in *inspection) validate(config *clientcmdapi.Config) {
	safe := withoutFiles(config, in.permitted["exec"])
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
// names, since the files meant are istiod's, and without commands unless they are asked for.
func withoutFiles(config *clientcmdapi.Config, commands bool) *clientcmdapi.Config {
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
		user.TokenFile = ""
		if !commands {
			user.Exec = nil
		}
	}
	return config
}

const (
	remedyInline   = "use an inline token; istiod accepts this only if PILOT_INSECURE_MULTICLUSTER_KUBECONFIG_OPTIONS permits %s"
	remedyProvider = "use an inline token; no setting of istiod helps: since Kubernetes 1.26 client-go has only the provider oidc"
	ownFiles       = "names a file, which istiod reads in its own container; without the file it refuses the kubeconfig"
)

// sanitize reports the credentials that istiod's sanitizer refuses, of every
// user in the file and not of the current one alone (Istio pkg/kube/util.go
// sanitizeKubeConfig).
func (in *inspection) sanitize(config *clientcmdapi.Config) {
	for _, name := range sorted(config.AuthInfos) {
		user := config.AuthInfos[name]
		refuse := func(field, what, remedy string) {
			in.add(SeverityError, in.userField(name, field), "kubeconfig is not allowed: "+what+" is not allowed", remedy)
		}
		// The empty name is in istiod's empty list of permitted providers (Istio
		// pilot/pkg/features, InsecureKubeConfigOptions); authenticate refuses it where it is used.
		if provider := user.AuthProvider; provider != nil && provider.Name != "oidc" && !in.permitted[provider.Name] {
			refuse("auth-provider", "auth provider "+shownName(in.redact(provider.Name)), remedyProvider)
		}
		for _, one := range []struct {
			field, option string
			used          bool
		}{
			{"client-key", "clientKey", user.ClientKey != ""},
			{"client-certificate", "clientCertificate", user.ClientCertificate != ""},
			{"tokenFile", "tokenFile", user.TokenFile != ""},
			{"exec", "exec", user.Exec != nil},
		} {
			switch {
			case one.used && !in.permitted[one.option]:
				refuse(one.field, one.option, fmt.Sprintf(remedyInline, one.option))
			case one.used && one.option == "exec":
				in.add(SeverityWarning, in.userField(name, one.field), "istiod runs this command in its own container, and its image does not have it", "use an inline token")
			case one.used:
				in.add(SeverityWarning, in.userField(name, one.field), ownFiles, "use an inline token")
			}
		}
	}
}

// execVersions are the APIs of client-go plugin/pkg/client/auth/exec/exec.go.
var execVersions = []string{"client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1"}

// authenticate reports why client-go builds no client with the plugins of the user.
func (in *inspection) authenticate(name string, user *clientcmdapi.AuthInfo) {
	field := in.userField(name, "auth-provider")
	switch provider := user.AuthProvider; {
	case provider == nil:
	case provider.Name == "":
		in.add(SeverityError, field, "no client can be built: the auth provider has no name", "name it oidc, or give an inline token")
	case provider.Name != "oidc":
		in.add(SeverityError, field, "no client can be built: client-go has no plugin for auth provider "+shownName(in.redact(provider.Name)), remedyProvider)
	default:
		in.oidc(field, provider.Config)
	}
	if user.Exec == nil {
		return
	}
	if user.AuthProvider != nil {
		in.add(SeverityError, in.userField(name, "exec"), "no client can be built: exec and auth-provider exclude each other", "use an inline token")
	}
	if !slices.Contains(execVersions, user.Exec.APIVersion) {
		in.add(SeverityError, in.userField(name, "exec"), "no client can be built: client-go does not know apiVersion "+shownName(in.redact(user.Exec.APIVersion)),
			"write "+execVersions[0]+", or use an inline token")
	}
}

// oidc reports what newOIDCAuthProvider of client-go plugin/pkg/client/auth/oidc/oidc.go refuses.
func (in *inspection) oidc(field string, config map[string]string) {
	ca, err := base64.StdEncoding.DecodeString(config["idp-certificate-authority-data"])
	if err == nil {
		_, err = rest.TLSConfigFor(&rest.Config{TLSClientConfig: rest.TLSClientConfig{CAData: ca}})
	}
	switch {
	case config["idp-issuer-url"] == "" || config["client-id"] == "":
		in.add(SeverityError, field, "no client can be built: oidc lacks idp-issuer-url or client-id", "give both, or an inline token")
	case err != nil:
		in.add(SeverityError, field, "no client can be built: idp-certificate-authority-data: "+in.redact(err.Error()),
			"give a PEM bundle of certificates in base64, or an inline token")
	case config["idp-certificate-authority"] != "" && len(ca) == 0:
		in.add(SeverityWarning, field, "idp-certificate-authority "+ownFiles, "put the certificates into idp-certificate-authority-data")
	}
}

// credential names what user holds besides or instead of a token.
func credential(user *clientcmdapi.AuthInfo) string {
	var kinds []string
	if len(user.ClientCertificateData) > 0 || user.ClientCertificate != "" {
		kinds = append(kinds, "client certificate")
	}
	if user.Username != "" || user.Password != "" {
		kinds = append(kinds, "basic auth")
	}
	if user.AuthProvider != nil {
		kinds = append(kinds, cmp.Or(user.AuthProvider.Name, "unnamed")+" auth provider")
	}
	if user.TokenFile != "" {
		kinds = append(kinds, "token file")
	}
	if user.Exec != nil {
		kinds = append(kinds, "exec")
	}
	if len(kinds) == 0 && user.Token == "" {
		kinds = append(kinds, "none")
	}
	if user.Impersonate != "" {
		kinds = append(kinds, "impersonation")
	}
	return strings.Join(kinds, " + ")
}
