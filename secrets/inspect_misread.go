package secrets

import (
	"errors"
	"fmt"
	"slices"

	"k8s.io/client-go/rest"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// misread reports what istiod accepts and what probably does not do what was meant.
func (in *inspection) misread(config *clientcmdapi.Config, current *clientcmdapi.Context, client *rest.Config) {
	in.misreadUser(config, current)
	overTLS := rest.IsConfigTransportTLS(*client)
	if !overTLS {
		in.add(SeverityWarning, in.clusterField(current.Cluster, "server"),
			fmt.Sprintf("%q is not https: istiod speaks plain http and sends no credential", in.shown(in.remote.Endpoint.Server)), "write https://host:port")
	}
	// What Build would refuse is not silent here, whatever the reason: Build's own checks tell.
	for _, refused := range fieldErrors(checkRemote(in.remote)) {
		if overTLS || refused.Field != "Endpoint.Server" {
			in.translate(current, refused)
		}
	}
	if overTLS { // else client-go looks at no trust
		for _, warning := range in.remote.Endpoint.Warnings() {
			if warning.Field != "Endpoint.CA" || in.remote.CAFile == "" {
				in.translate(current, warning)
			}
		}
	}
	if n := len(config.AuthInfos); n > 1 {
		in.add(SeverityWarning, "users", fmt.Sprintf("holds %d users, and the current context needs one", n), "leave only that one: the others do nothing but leak")
	}
}

func (in *inspection) misreadUser(config *clientcmdapi.Config, current *clientcmdapi.Context) {
	user := config.AuthInfos[current.AuthInfo]
	if user == nil || in.remote.Credential == "none" {
		in.add(SeverityWarning, "users", "istiod has no credential and reads as an anonymous user", "give the user a token")
		return
	}
	if user.ImpersonateUID != "" {
		in.add(SeverityWarning, in.userField(current.AuthInfo, "as-uid"), "istiod drops it", "leave it out")
	}
	if user.Username != "" || user.Password != "" {
		in.add(SeverityWarning, in.userField(current.AuthInfo, "username"), "since Kubernetes 1.19 API servers accept no password", "give the user a token")
	}
	if claims, err := in.remote.Token.Claims(); err == nil && slices.Equal(claims.Audiences, onlyIstio) {
		in.add(SeverityWarning, in.userField(current.AuthInfo, "token"), "is meant for the audience istio-ca, so no API server accepts it", "ask for a token without audiences")
	}
}

// onlyIstio are the audiences of the token that istiod itself takes from proxies.
var onlyIstio = []string{"istio-ca"}

// translate adds what is said of a field of the Remote as a warning of the kubeconfig.
func (in *inspection) translate(current *clientcmdapi.Context, said *FieldError) {
	switch {
	case said.Field == "Remote.Token" && said.Reason == tokenEmpty, said.Field == "Remote.Credential" && in.remote.Credential == "none":
		return // the credential that is there instead, or that there is none, has its own warning
	case said.Field == "Remote.Cluster":
		return // an error of the key
	}
	field := map[string]string{
		"Remote.Token":                   in.userField(current.AuthInfo, "token"),
		"Remote.Credential":              in.userField(current.AuthInfo, "credential"),
		"Remote.CAFile":                  in.clusterField(current.Cluster, "certificate-authority"),
		"Endpoint.Server":                in.clusterField(current.Cluster, "server"),
		"Endpoint.CA":                    in.clusterField(current.Cluster, "certificate-authority-data"),
		"Endpoint.TLSServerName":         in.clusterField(current.Cluster, "tls-server-name"),
		"Endpoint.ProxyURL":              in.clusterField(current.Cluster, "proxy-url"),
		"Endpoint.ProxyAuth":             in.clusterField(current.Cluster, "proxy-url"),
		"Endpoint.InsecureSkipTLSVerify": in.clusterField(current.Cluster, "insecure-skip-tls-verify"),
	}[said.Field]
	message := said.Reason
	switch said.Field {
	case "Endpoint.Server", "Endpoint.ProxyURL", "Endpoint.TLSServerName", "Remote.Credential":
		if said.Value != "" {
			message = fmt.Sprintf("%q %s", in.redact(said.Value), said.Reason)
		}
	}
	in.add(SeverityWarning, field, message, said.Remedy)
}

// fieldErrors are the *FieldErrors that err joins.
func fieldErrors(err error) []*FieldError {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var all []*FieldError
		for _, one := range joined.Unwrap() {
			all = append(all, fieldErrors(one)...)
		}
		return all
	}
	var field *FieldError
	if errors.As(err, &field) {
		return []*FieldError{field}
	}
	return nil
}
