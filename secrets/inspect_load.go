package secrets

import (
	"regexp"
	"strings"

	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

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
	why, remedy := "it is no YAML of a kubeconfig", "write it anew; every data key must be a cluster ID with a kubeconfig"
	switch text := err.Error(); {
	case strings.Contains(text, "duplicate name"):
		why, remedy = "two clusters, contexts or users have one name", "give each a name of its own"
	case strings.Contains(text, "no kind ") || strings.Contains(text, "no version "):
		why, remedy = "apiVersion and kind are not those of a kubeconfig", "write apiVersion: v1 and kind: Config"
	case strings.Contains(text, "illegal base64"):
		why, remedy = "a field that ends in -data is no base64", "encode it"
	case lineNumber.MatchString(text):
		why += ", see " + lineNumber.FindString(text)
	}
	in.add(SeverityError, "data", "kubeconfig cannot be loaded: "+why, remedy)
	return nil
}
