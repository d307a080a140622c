package asmapi

import (
	"errors"
	"log/slog"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"
)

// Kubeconfig is a kubeconfig, which is a credential: it prints as REDACTED. The zero value is none.
type Kubeconfig struct {
	text    func() string // a func, which fmt prints as an address, also inside of other structs
	expires time.Time
}

const redacted = "REDACTED"

// NewKubeconfig keeps the text of a kubeconfig; expires is zero if that is not known.
func NewKubeconfig(text string, expires time.Time) Kubeconfig {
	return Kubeconfig{func() string { return text }, expires}
}

// Reveal is the text.
func (k Kubeconfig) Reveal() string {
	if k.text == nil {
		return ""
	}
	return k.text()
}

// IsZero says that there is none.
func (k Kubeconfig) IsZero() bool { return k.Reveal() == "" }

// Expires is when it ends to be good; zero: not known.
func (k Kubeconfig) Expires() time.Time { return k.expires }

func (k Kubeconfig) String() string               { return redacted }
func (k Kubeconfig) GoString() string             { return redacted }
func (k Kubeconfig) LogValue() slog.Value         { return slog.StringValue(redacted) }
func (k Kubeconfig) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// REST is the configuration of its current context. One that would run a command or read files of this machine is refused:
// it comes from elsewhere. No error quotes it.
func (k Kubeconfig) REST() (*rest.Config, error) {
	config, err := clientcmd.Load([]byte(k.Reveal()))
	if err != nil {
		return nil, errors.New("it is not a kubeconfig")
	}
	current := config.Contexts[config.CurrentContext]
	if current == nil || config.Clusters[current.Cluster] == nil || config.AuthInfos[current.AuthInfo] == nil {
		return nil, errors.New("its current context has no cluster or no user")
	}
	if what := foreign(config.Clusters[current.Cluster], config.AuthInfos[current.AuthInfo]); what != "" {
		return nil, errors.New("it has " + what + ", which is not used here: give one that holds its credential itself")
	}
	made, err := clientcmd.NewNonInteractiveClientConfig(*config, config.CurrentContext, nil, nil).ClientConfig()
	if err != nil {
		return nil, errors.New("it is incomplete")
	}
	return made, nil
}

// foreign is what reaches beyond the text, as istiod refuses it too (Istio pkg/kube/util.go, sanitizeKubeConfig).
func foreign(c *api.Cluster, u *api.AuthInfo) string {
	switch {
	case u.Exec != nil:
		return "a command for its credential"
	case u.AuthProvider != nil:
		return "an auth provider"
	case u.TokenFile != "" || u.ClientCertificate != "" || u.ClientKey != "" || c.CertificateAuthority != "":
		return "the name of a file"
	}
	return ""
}
