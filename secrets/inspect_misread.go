package secrets

import (
	"fmt"
	"net/url"
	"slices"

	"k8s.io/client-go/rest"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// misread reports what istiod accepts and what hardly does what was meant.
func (in *inspection) misread(config *clientcmdapi.Config, current *clientcmdapi.Context, client *rest.Config) {
	warn := func(field, message, remedy string) { in.add(SeverityWarning, field, message, remedy) }
	server, proxy := in.clusterField(current.Cluster, "server"), in.clusterField(current.Cluster, "proxy-url")
	e := in.remote.Endpoint

	overTLS := rest.IsConfigTransportTLS(*client)
	if !overTLS {
		warn(server, fmt.Sprintf("%q is not https: istiod speaks plain http and sends no credential", in.shown(e.Server)), "write https://host:port")
	} else if u, err := url.Parse(e.Server); err == nil && isLoopback(u.Hostname()) {
		warn(server, fmt.Sprintf("%q is an address of the local host, where istiod finds itself", in.shown(e.Server)), "give an address that istiod's pods reach")
	} else if err == nil && u.User != nil {
		warn(server, "holds a user", "leave it out, the token is the credential")
	}
	if u, err := url.Parse(e.ProxyURL); err == nil && isLoopback(u.Hostname()) {
		warn(proxy, fmt.Sprintf("%q is an address of the local host, where istiod finds itself", in.shown(e.ProxyURL)), "give an address that istiod's pods reach")
	}
	if overTLS { // else client-go looks at no trust
		in.misreadTrust(current)
	}
	in.misreadUser(config, current)
	if n := len(config.AuthInfos); n > 1 {
		warn("users", fmt.Sprintf("holds %d users, and the current context needs one", n), "leave only that one, the others only leak")
	}
}

func (in *inspection) misreadTrust(current *clientcmdapi.Context) {
	e, ca := in.remote.Endpoint, in.clusterField(current.Cluster, "certificate-authority-data")
	switch {
	case in.remote.CAFile != "":
		in.add(SeverityWarning, in.clusterField(current.Cluster, "certificate-authority"),
			"names a file, which istiod reads in its own container and refuses the kubeconfig without", "put the certificates into certificate-authority-data")
	case e.InsecureSkipTLSVerify:
		in.add(SeverityWarning, in.clusterField(current.Cluster, "insecure-skip-tls-verify"),
			"istiod sends the credential to whoever answers", "give certificate-authority-data instead")
	case len(e.CA) == 0:
		in.add(SeverityWarning, ca, "is empty, so only the system roots of the istiod image are trusted", "give the authority that signs the server's certificate")
	default:
		if _, err := certificates(e.CA); err != nil {
			in.add(SeverityWarning, ca, err.Error(), "leave nothing but the authority's PEM certificates")
		}
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
		in.add(SeverityWarning, in.userField(current.AuthInfo, "username"), "API servers since Kubernetes 1.19 take no password", "give the user a token")
	}
	if user.Token == "" {
		return
	}
	field := in.userField(current.AuthInfo, "token")
	if checkToken(in.remote) != nil {
		in.add(SeverityWarning, field, "holds a blank, a line end or another character that no HTTP header takes", "trim it")
	}
	if claims, err := in.remote.Token.Claims(); err == nil && slices.Equal(claims.Audiences, []string{"istio-ca"}) {
		in.add(SeverityWarning, field, "is meant for the audience istio-ca, so no API server accepts it", "ask for a token without audiences")
	}
}
