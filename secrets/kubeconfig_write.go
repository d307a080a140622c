package secrets

import (
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// writeKubeconfig writes r as istioctl does: cluster, context and user all have
// the cluster's ID for a name.
func writeKubeconfig(r Remote) ([]byte, error) {
	return clientcmd.Write(clientcmdapi.Config{
		Clusters: map[string]*clientcmdapi.Cluster{r.Cluster: {
			Server:                   r.Endpoint.Server,
			CertificateAuthorityData: r.Endpoint.CA,
			TLSServerName:            r.Endpoint.TLSServerName,
			ProxyURL:                 r.Endpoint.ProxyURL,
			InsecureSkipTLSVerify:    r.Endpoint.InsecureSkipTLSVerify,
		}},
		AuthInfos:      map[string]*clientcmdapi.AuthInfo{r.Cluster: {Token: r.Token.Reveal()}},
		Contexts:       map[string]*clientcmdapi.Context{r.Cluster: {Cluster: r.Cluster, AuthInfo: r.Cluster}},
		CurrentContext: r.Cluster,
	})
}
