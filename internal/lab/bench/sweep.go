//go:build linux

package main

import (
	"context"
	"errors"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/secrets"
)

// What istioctl create-remote-secret leaves in the cluster that is read (Istio istioctl/pkg/multicluster/remote_secret.go).
const (
	istioctlAccount = "istio-reader-service-account"
	istioctlRole    = "istio-reader-clusterrole-" + namespace
	istioctlToken   = istioctlAccount + "-istio-remote-secret-token"
)

// sweep deletes all that a turn made, and waits until no istiod reads another cluster: the next one begins where the first
// did. It is no verb of the SDK: Remove waits until API servers have forgotten the token, which takes 10 s.
func (w *world) sweep(ctx context.Context) error {
	err := each(len(w.members), func(i int) error { return w.members[i].sweep(ctx) })
	if err != nil {
		return err
	}
	return each(len(w.members), func(i int) error { return w.members[i].awaitAlone(ctx) })
}

func (m *member) sweep(ctx context.Context) error {
	made := metav1.ListOptions{LabelSelector: ownLabel + " in (" + ownValue + ", " + peering.ManagedBy + ")"}
	remote := metav1.ListOptions{LabelSelector: secrets.LabelMultiCluster + "=true"}
	core, roles, del := m.client.CoreV1(), m.client.RbacV1(), metav1.DeleteOptions{}
	return errors.Join(
		core.Secrets(namespace).DeleteCollection(ctx, del, remote),
		core.Secrets(namespace).DeleteCollection(ctx, del, made),
		core.ServiceAccounts(namespace).DeleteCollection(ctx, del, made),
		roles.ClusterRoles().DeleteCollection(ctx, del, made),
		roles.ClusterRoleBindings().DeleteCollection(ctx, del, made),
		gone(core.Secrets(namespace).Delete(ctx, istioctlToken, del)),
		gone(core.ServiceAccounts(namespace).Delete(ctx, istioctlAccount, del)),
		gone(roles.ClusterRoles().Delete(ctx, istioctlRole, del)),
		gone(roles.ClusterRoleBindings().Delete(ctx, istioctlRole, del)),
	)
}

func gone(err error) error {
	if apierrors.IsNotFound(err) {
		return nil
	}
	return err
}
