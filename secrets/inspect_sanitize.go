package secrets

import (
	"cmp"
	"strings"

	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

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
