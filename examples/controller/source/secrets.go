package source

import (
	"context"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/meshpeer/meshpeer/examples/controller/mesh"
)

// Keys of a Secret's kubeconfig, ours and Cluster API's, and the label by which Cluster API knows its own.
const (
	keyKubeconfig = "kubeconfig"
	keyValue      = "value"

	labelClusterAPI = "cluster.x-k8s.io/cluster-name"
	suffix          = "-kubeconfig"
)

// kubeconfigSecrets are the Secrets of a namespace that match a selector.
type kubeconfigSecrets struct {
	reader    client.Reader
	namespace string
	selector  labels.Selector
}

// Members is mesh.Source.
func (s kubeconfigSecrets) Members(ctx context.Context) ([]mesh.Member, error) {
	var list corev1.SecretList
	if err := s.reader.List(ctx, &list, client.InNamespace(s.namespace), client.MatchingLabelsSelector{Selector: s.selector}); err != nil {
		return nil, fmt.Errorf("list Secrets %s of namespace %s: %w", s.selector, s.namespace, err)
	}
	var all []named
	for i := range list.Items {
		secret := &list.Items[i]
		name, is := memberName(secret.Name, secret.Labels)
		if !is {
			continue
		}
		m, err := described("Secret", secret, name)
		if err != nil {
			return nil, err
		}
		connectBy(&m, secret)
		all = append(all, m)
	}
	return each(all), nil
}

// memberName is the cluster that a Secret is of; false for what Cluster API labels besides its kubeconfigs.
func memberName(name string, labels map[string]string) (string, bool) {
	if cluster := labels[labelClusterAPI]; cluster != "" {
		return cluster, name == cluster+suffix
	}
	return strings.TrimSuffix(name, suffix), true
}

// connectBy fills in how to connect, if nothing is wrong with the member so far.
func connectBy(m *named, secret *corev1.Secret) {
	if m.Err != nil {
		return
	}
	kubeconfig := secret.Data[keyKubeconfig]
	if len(kubeconfig) == 0 {
		kubeconfig = secret.Data[keyValue]
	}
	if len(kubeconfig) == 0 {
		m.Err = fmt.Errorf("key %s is missing in Secret %s/%s, and so is Cluster API's %s", keyKubeconfig, secret.Namespace, secret.Name, keyValue)
		return
	}
	config, err := configOf(kubeconfig)
	if err != nil {
		m.Err = fmt.Errorf("kubeconfig of Secret %s/%s: %w", secret.Namespace, secret.Name, err)
		return
	}
	m.Config = config
}
