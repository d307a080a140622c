package secrets

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	utilerrors "k8s.io/apimachinery/pkg/util/errors"
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
