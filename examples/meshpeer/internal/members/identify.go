package members

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/meshpeer/meshpeer/peering"
)

type kubeconfig = clientcmdapi.Config

// UnidentifiedError says that nobody could tell the ID of a cluster. A guess could peer it under a name that its own proxies do
// not have, which looks fine and sends requests astray.
type UnidentifiedError struct {
	Context string
	Err     error
}

func (e *UnidentifiedError) Error() string {
	return fmt.Sprintf("the cluster of context %s has no istiod that tells its ID: %v; give it, --context ID=%[1]s: it is what the proxies there have in ISTIO_META_CLUSTER_ID, for ASM the ACK cluster ID",
		e.Context, e.Err)
}

func (e *UnidentifiedError) Unwrap() error { return e.Err }

// identifyTimeout bounds the question to istiods.
const identifyTimeout = 20 * time.Second

// identify asks the istiods of a cluster what they call it: the entry of /debug/clusterz that no Secret stands behind (Istio
// pkg/kube/multicluster/secretcontroller.go, ListRemoteClusters). All that answer have to agree.
func identify(ctx context.Context, connect func(peering.ID, string, peering.ConnectOptions) (*peering.Cluster, error), kubeContext string, o peering.ConnectOptions) (peering.ID, error) {
	c, err := connect(peering.MustID("unknown"), kubeContext, o)
	if err != nil {
		return peering.ID{}, err
	}
	if c.Istiods == nil {
		return peering.ID{}, &UnidentifiedError{kubeContext, errors.New("its istiods cannot be asked")}
	}
	ctx, cancel := context.WithTimeout(ctx, identifyTimeout)
	defer cancel()
	replicas, err := c.Istiods.Replicas(ctx)
	if err != nil {
		return peering.ID{}, &UnidentifiedError{kubeContext, err}
	}
	var said []string
	var failed []error
	for _, r := range replicas {
		clusters, err := r.Clusterz(ctx)
		r.Close()
		failed = append(failed, err)
		for _, cluster := range clusters {
			if cluster.Secret == "" && cluster.ID != "" && !slices.Contains(said, cluster.ID) {
				said = append(said, cluster.ID)
			}
		}
	}
	switch {
	case len(said) > 1:
		return peering.ID{}, &UnidentifiedError{kubeContext, fmt.Errorf("they disagree: %q", said)}
	case len(said) == 0:
		if err = errors.Join(failed...); err == nil {
			err = errors.New("none of them names its own cluster")
		}
		return peering.ID{}, &UnidentifiedError{kubeContext, err}
	}
	return peering.ParseIstioID(said[0])
}
