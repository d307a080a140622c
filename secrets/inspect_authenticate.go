package secrets

import (
	"encoding/base64"

	"k8s.io/client-go/rest"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

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
