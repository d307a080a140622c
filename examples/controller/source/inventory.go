package source

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/meshpeer/meshpeer/examples/controller/mesh"
	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/secrets"
)

// inventory is the content of a file or ConfigMap.
type inventory struct {
	Clusters []entry `json:"clusters"`
	// Of examples/fleet's, and the Mesh's to say here.
	Lifetime *string `json:"lifetime"`
	Recheck  *string `json:"recheck"`
}

// entry is one cluster.
type entry struct {
	ID             peering.ID                      `json:"id"`
	Context        string                          `json:"context"`    // in a file: of the kubeconfig
	Kubeconfig     string                          `json:"kubeconfig"` // in a file: another one in the same directory. Default kubeconfig
	Secret         string                          `json:"secret"`     // in a ConfigMap: of the namespace, with the key kubeconfig or value
	Namespace      string                          `json:"namespace"`  // of istiod
	IstiodSelector string                          `json:"istiodSelector"`
	Hosted         bool                            `json:"hosted"`
	Endpoint       *secrets.Endpoint               `json:"endpoint"`
	Endpoints      map[peering.ID]secrets.Endpoint `json:"endpoints"` // for single clusters that reach it elsewhere
}

// read parses an inventory; how connects to an entry.
func read(data []byte, by string, how func(entry) (*rest.Config, error)) ([]mesh.Member, error) {
	var in inventory
	if err := yaml.UnmarshalStrict(data, &in); err != nil {
		return nil, fmt.Errorf("%s: %w", by, err)
	}
	if in.Lifetime != nil || in.Recheck != nil {
		return nil, fmt.Errorf("%s: lifetime and recheck are the Mesh's to say: spec.credential.lifetime and spec.recheckEvery", by)
	}
	var all []named
	for i, e := range in.Clusters {
		if e.ID == (peering.ID{}) {
			return nil, fmt.Errorf("%s: clusters[%d] has no id", by, i)
		}
		m := named{mesh.Member{ID: e.ID, Endpoints: e.Endpoints}, fmt.Sprintf("clusters[%d] of %s", i, by)}
		m.Options = peering.ConnectOptions{Namespace: e.Namespace, IstiodSelector: e.IstiodSelector, Hosted: e.Hosted, Endpoint: e.Endpoint}
		m.Config, m.Err = how(e)
		if m.Err != nil {
			m.Err = fmt.Errorf("%s: %w", m.by, m.Err)
		}
		all = append(all, m)
	}
	return each(all), nil
}

// file is an inventory in the controller's own directory.
type file struct{ dir, name string }

// Members is mesh.Source.
func (f file) Members(context.Context) ([]mesh.Member, error) {
	data, err := os.ReadFile(filepath.Join(f.dir, f.name))
	if err != nil {
		return nil, fmt.Errorf("-members-dir: %w", err)
	}
	return read(data, "file "+f.name, func(e entry) (*rest.Config, error) {
		if e.Context == "" || e.Secret != "" {
			return nil, errors.New("a file names a context of a kubeconfig, and no Secret")
		}
		kubeconfig := e.Kubeconfig
		if kubeconfig == "" {
			kubeconfig = "kubeconfig"
		}
		if kubeconfig != filepath.Base(kubeconfig) || strings.HasPrefix(kubeconfig, ".") {
			return nil, fmt.Errorf("kubeconfig %q is not the name of a file in -members-dir", kubeconfig)
		}
		return contextOf(filepath.Join(f.dir, kubeconfig), e.Context)
	})
}

// keyMembers of a ConfigMap has the inventory.
const keyMembers = "members.yaml"

// configMap is an inventory whose clusters name Secrets.
type configMap struct {
	reader          client.Reader
	namespace, name string
}

// Members is mesh.Source.
func (c configMap) Members(ctx context.Context) ([]mesh.Member, error) {
	var found corev1.ConfigMap
	if err := c.reader.Get(ctx, client.ObjectKey{Namespace: c.namespace, Name: c.name}, &found); err != nil {
		return nil, fmt.Errorf("ConfigMap %s/%s: %w", c.namespace, c.name, err)
	}
	by := "ConfigMap " + c.namespace + "/" + c.name
	text, is := found.Data[keyMembers]
	if !is {
		return nil, fmt.Errorf("%s has no key %s", by, keyMembers)
	}
	return read([]byte(text), by, func(e entry) (*rest.Config, error) {
		if e.Secret == "" || e.Context != "" || e.Kubeconfig != "" {
			return nil, errors.New("a ConfigMap names a Secret with a kubeconfig, and neither context nor file")
		}
		if endpointHoldsPassword(e) {
			return nil, errors.New("an endpoint in a ConfigMap must not hold the password of a proxy")
		}
		var secret corev1.Secret
		if err := c.reader.Get(ctx, client.ObjectKey{Namespace: c.namespace, Name: e.Secret}, &secret); err != nil {
			return nil, err
		}
		var m named
		connectBy(&m, &secret)
		return m.Config, m.Err
	})
}

func endpointHoldsPassword(e entry) bool {
	holds := e.Endpoint != nil && !e.Endpoint.ProxyAuth.IsZero()
	for _, endpoint := range e.Endpoints {
		holds = holds || !endpoint.ProxyAuth.IsZero()
	}
	return holds
}
