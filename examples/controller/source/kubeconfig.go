package source

import (
	"errors"
	"fmt"
	"net/url"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// configOf is the configuration of a kubeconfig that came through an API server. Its errors quote nothing of it.
func configOf(kubeconfig []byte) (*rest.Config, error) {
	config, err := clientcmd.Load(kubeconfig)
	if err != nil {
		return nil, errors.New("it is no kubeconfig")
	}
	current := config.Contexts[config.CurrentContext]
	if current == nil {
		return nil, errors.New("the kubeconfig's current-context names none of its contexts")
	}
	cluster, user := config.Clusters[current.Cluster], config.AuthInfos[current.AuthInfo]
	if cluster == nil || user == nil {
		return nil, errors.New("the kubeconfig's current context names a cluster or user that it does not have")
	}
	if err := refused(cluster, user); err != nil {
		return nil, err
	}
	c, err := clientcmd.NewNonInteractiveClientConfig(*config, config.CurrentContext, &clientcmd.ConfigOverrides{}, nil).ClientConfig()
	if err != nil {
		return nil, errors.New("the kubeconfig's current context cannot be used: try it with `kubectl --kubeconfig`")
	}
	return c, nil
}

// refused is what a kubeconfig of somebody else must not ask of this process (see the package comment).
func refused(cluster *clientcmdapi.Cluster, user *clientcmdapi.AuthInfo) error {
	if u, err := url.Parse(cluster.Server); err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil {
		return errors.New("the server is no https URL of a host, and a credential is sent nowhere else")
	}
	for field, used := range map[string]bool{
		"exec":                     user.Exec != nil,
		"auth-provider":            user.AuthProvider != nil,
		"tokenFile":                user.TokenFile != "",
		"client-certificate":       user.ClientCertificate != "",
		"client-key":               user.ClientKey != "",
		"certificate-authority":    cluster.CertificateAuthority != "",
		"insecure-skip-tls-verify": cluster.InsecureSkipTLSVerify,
	} {
		if used {
			return fmt.Errorf("the kubeconfig uses %s, which a Secret must not ask of the controller: write token, client-certificate-data, client-key-data and certificate-authority-data", field)
		}
	}
	return nil
}

// contextOf is the configuration of a context of a file.
func contextOf(path, name string) (*rest.Config, error) {
	loading := &clientcmd.ClientConfigLoadingRules{ExplicitPath: path}
	c, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(loading, &clientcmd.ConfigOverrides{CurrentContext: name}).ClientConfig()
	if err != nil {
		return nil, fmt.Errorf("context %q of %s cannot be used: try `kubectl --kubeconfig %s --context %s version`", name, path, path, name)
	}
	return c, nil
}
