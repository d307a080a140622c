package source

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/meshpeer/meshpeer/examples/controller/mesh"
)

// ClusterProfile is the version that is read: it has status.credentialProviders besides, and v0.2.0 of cluster-inventory-api,
// which adds v1alpha2 without that field, still serves and stores it (docs/api-versions.md there).
var ClusterProfile = schema.GroupVersionKind{Group: "multicluster.x-k8s.io", Version: "v1alpha1", Kind: "ClusterProfile"}

// keyToken of the Secret of a profile has the bearer token (cmd/secretreader-plugin of cluster-inventory-api).
const keyToken = "token"

// profiles are the ClusterProfiles of a namespace that match a selector.
type profiles struct {
	reader    client.Reader
	namespace string
	selector  labels.Selector
	provider  string // "" is the first
}

// Members is mesh.Source. A profile whose control plane is said to be ill stays a member: ill is not gone.
func (p profiles) Members(ctx context.Context) ([]mesh.Member, error) {
	list := &unstructured.UnstructuredList{}
	list.SetGroupVersionKind(ClusterProfile.GroupVersion().WithKind(ClusterProfile.Kind + "List"))
	if err := p.reader.List(ctx, list, client.InNamespace(p.namespace), client.MatchingLabelsSelector{Selector: p.selector}); err != nil {
		return nil, fmt.Errorf("list ClusterProfiles %s of namespace %s: %w", p.selector, p.namespace, err)
	}
	var all []named
	for i := range list.Items {
		m, err := described("ClusterProfile", &list.Items[i], list.Items[i].GetName())
		if err != nil {
			return nil, err
		}
		if m.Err == nil {
			if m.Config, m.Err = p.connect(ctx, &list.Items[i]); m.Err != nil {
				m.Err = fmt.Errorf("%s: %w", m.by, m.Err)
			}
		}
		all = append(all, m)
	}
	return each(all), nil
}

// access is an entry of status.accessProviders: a cluster as a kubeconfig has it.
type access struct {
	Name    string `json:"name"`
	Cluster struct {
		Server        string `json:"server"`
		TLSServerName string `json:"tls-server-name"`
		Insecure      bool   `json:"insecure-skip-tls-verify"`
		CA            []byte `json:"certificate-authority-data"`
		CAFile        string `json:"certificate-authority"`
		ProxyURL      string `json:"proxy-url"`
	} `json:"cluster"`
}

func (p profiles) connect(ctx context.Context, profile *unstructured.Unstructured) (*rest.Config, error) {
	a, err := p.choose(profile)
	if err != nil {
		return nil, err
	}
	var secret corev1.Secret
	if err := p.reader.Get(ctx, client.ObjectKeyFromObject(profile), &secret); err != nil {
		return nil, fmt.Errorf("the Secret of its name, with a token for it: %w", err)
	}
	token := strings.TrimSpace(string(secret.Data[keyToken]))
	if token == "" {
		return nil, fmt.Errorf("key %s is missing in Secret %s/%s", keyToken, secret.Namespace, secret.Name)
	}
	cluster := &clientcmdapi.Cluster{
		Server: a.Cluster.Server, TLSServerName: a.Cluster.TLSServerName, InsecureSkipTLSVerify: a.Cluster.Insecure,
		CertificateAuthorityData: a.Cluster.CA, CertificateAuthority: a.Cluster.CAFile, ProxyURL: a.Cluster.ProxyURL,
	}
	user := &clientcmdapi.AuthInfo{Token: token}
	if err := refused(cluster, user); err != nil {
		return nil, fmt.Errorf("access provider %s: %w", a.Name, err)
	}
	config := clientcmdapi.Config{
		Clusters: map[string]*clientcmdapi.Cluster{"": cluster}, AuthInfos: map[string]*clientcmdapi.AuthInfo{"": user},
		Contexts: map[string]*clientcmdapi.Context{"": {}},
	}
	c, err := clientcmd.NewNonInteractiveClientConfig(config, "", &clientcmd.ConfigOverrides{}, nil).ClientConfig()
	if err != nil {
		return nil, fmt.Errorf("access provider %s has no server that can be used", a.Name)
	}
	return c, nil
}

// choose is the provider to connect with; the older field counts where the newer one does not have the name.
func (p profiles) choose(profile *unstructured.Unstructured) (access, error) {
	var status struct {
		Status struct {
			Access      []access `json:"accessProviders"`
			Credentials []access `json:"credentialProviders"`
		} `json:"status"`
	}
	data, err := profile.MarshalJSON()
	if err == nil {
		err = json.Unmarshal(data, &status)
	}
	if err != nil {
		return access{}, errors.New("its status has not the form of KEP-4322")
	}
	var names []string
	for _, a := range append(status.Status.Access, status.Status.Credentials...) {
		if p.provider == "" || a.Name == p.provider {
			return a, nil
		}
		names = append(names, a.Name)
	}
	if len(names) == 0 {
		return access{}, errors.New("its status has no accessProviders yet: its cluster manager writes them")
	}
	return access{}, fmt.Errorf("its status has no access provider %q, but %s", p.provider, strings.Join(names, ", "))
}
