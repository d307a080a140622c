package peering

import (
	"context"
	"errors"
	"fmt"
	"sync"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshpeer/meshpeer/peering/istiod"
	"github.com/meshpeer/meshpeer/secrets"
)

// member is what a call reads of a cluster once, for all links: at most three requests.
type member struct {
	*Cluster
	uid      string           // of kube-system: which cluster this is
	remotes  []*corev1.Secret // every remote secret that its istiods see; read for From only
	replicas []istiod.Replica // its istiods; read for From only
	noIstiod error            // why replicas is empty
	err      error            // why the cluster cannot be worked with
}

// members reads every cluster of the links at once. The error is about the call; a cluster that does not answer fails its
// own links only.
func members(ctx context.Context, links []Link) (map[*Cluster]*member, error) {
	all := map[*Cluster]*member{}
	reads := map[*Cluster]bool{}
	for _, l := range links {
		all[l.From], all[l.To] = &member{Cluster: l.From}, &member{Cluster: l.To}
		reads[l.From] = true
	}
	var wg sync.WaitGroup
	for _, m := range all {
		wg.Go(func() { m.err = m.read(ctx, reads[m.Cluster]) })
	}
	wg.Wait()
	byUID := map[string]*member{}
	for _, l := range links { // in the order of the links, so that the answer is the same each time
		for _, m := range []*member{all[l.From], all[l.To]} {
			if m.err != nil || m.uid == "" {
				continue
			}
			if other := byUID[m.uid]; other != nil && other != m {
				return nil, &SameClusterError{A: other.ID, B: m.ID, UID: m.uid}
			}
			byUID[m.uid] = m
		}
	}
	return all, nil
}

func (m *member) read(ctx context.Context, isFrom bool) error {
	system, err := m.Objects.Get(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: metav1.NamespaceSystem}})
	if err != nil {
		return err
	}
	m.uid = string(system.GetUID())
	if !isFrom {
		return nil
	}
	if m.Istiods == nil {
		m.noIstiod = fmt.Errorf("%w: the control plane of %q cannot be asked from here", ErrNotReady, m.ID)
	} else if m.replicas, err = m.Istiods.Replicas(ctx); err != nil {
		m.noIstiod = err
	} else if len(m.replicas) == 0 {
		m.noIstiod = fmt.Errorf("%w: no Pod labelled app=istiod in namespace %s of %q", ErrNotReady, m.namespace(), m.ID)
	}
	if m.Hosted {
		return nil
	}
	m.remotes, err = m.readRemotes(ctx)
	return err
}

// readRemotes lists what istiod's secret controller sees.
func (m *member) readRemotes(ctx context.Context) ([]*corev1.Secret, error) {
	return list(ctx, m.Objects, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: m.namespace()}}, secrets.LabelMultiCluster+"=true")
}

// whyNoIstiod is the next step where no istiod of the member could be asked.
func (m *member) whyNoIstiod() string {
	if missing, ok := errors.AsType[*istiod.MissingError](m.noIstiod); ok {
		return missing.Remedy
	}
	return "let the caller list pods and create pods/portforward in istiod's namespace, set ConnectOptions.Namespace to that namespace, or fill Cluster.Istiods"
}
