//go:build linux

package main

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/meshpeer/meshpeer/rbac"
	"github.com/meshpeer/meshpeer/secrets"
)

const (
	namespace = "istio-system"
	ownLabel  = "app.kubernetes.io/managed-by"
	ownValue  = "bench"
)

// unlimited is client-go's typed client without its limit of five calls a second.
func unlimited(config *rest.Config) (kubernetes.Interface, error) {
	config = rest.CopyConfig(config)
	config.QPS = -1
	return kubernetes.NewForConfig(config)
}

// name is that of what the pair makes in To.
func (p pair) name() string { return "bench-" + p.from.ID }

// bare makes the link by the calls alone that it needs: four creates and a wait for the token in To, one create in From.
// Nothing is read before, proved after, or undone.
func (p pair) bare(ctx context.Context) error {
	reader, err := rbac.Render(rbac.Options{Name: p.name(), ServiceAccount: p.name(), Labels: map[string]string{ownLabel: ownValue}})
	if err != nil {
		return err
	}
	if _, err := p.to.client.CoreV1().ServiceAccounts(namespace).Create(ctx, reader.ServiceAccount, metav1.CreateOptions{}); err != nil {
		return err
	}
	if _, err := p.to.client.RbacV1().ClusterRoles().Create(ctx, reader.ClusterRole, metav1.CreateOptions{}); err != nil {
		return err
	}
	if _, err := p.to.client.RbacV1().ClusterRoleBindings().Create(ctx, reader.ClusterRoleBinding, metav1.CreateOptions{}); err != nil {
		return err
	}
	remote, err := p.remoteSecret(ctx, p.name())
	if err != nil {
		return err
	}
	_, err = p.from.client.CoreV1().Secrets(namespace).Create(ctx, remote, metav1.CreateOptions{})
	return err
}

// remoteSecret makes a token Secret of that name in To, and of its token the Secret for From.
func (p pair) remoteSecret(ctx context.Context, token string) (*corev1.Secret, error) {
	_, err := p.to.client.CoreV1().Secrets(namespace).Create(ctx, &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{
			Name: token, Labels: map[string]string{ownLabel: ownValue},
			Annotations: map[string]string{corev1.ServiceAccountNameKey: p.name()},
		},
		Type: corev1.SecretTypeServiceAccountToken,
	}, metav1.CreateOptions{})
	if err != nil {
		return nil, err
	}
	var value []byte
	err = poll(ctx, func() (bool, error) {
		live, err := p.to.client.CoreV1().Secrets(namespace).Get(ctx, token, metav1.GetOptions{})
		if err == nil {
			value = live.Data[corev1.ServiceAccountTokenKey]
		}
		return len(value) > 0, err
	})
	if err != nil {
		return nil, err
	}
	return secrets.Build(
		secrets.Remote{
			Cluster:  p.to.ID,
			Endpoint: secrets.Endpoint{Server: p.to.Server, CA: p.to.CA, AllowLoopback: p.to.loopback},
			Token:    secrets.NewToken(string(value), metav1.Time{}.Time),
		},
		secrets.Options{Labels: map[string]string{ownLabel: ownValue}},
	)
}

// istioctl makes the link as Istio's guide does: the output of istioctl create-remote-secret, applied to From. The apply
// is two calls of this program; kubectl would be one more process.
func (p pair) istioctl(ctx context.Context) error {
	out, err := p.createRemoteSecret(ctx)
	if err != nil {
		return err
	}
	return p.from.Apply(ctx, out)
}

func (p pair) createRemoteSecret(ctx context.Context) ([]byte, error) {
	return p.to.Istioctl(ctx, "create-remote-secret", "--name", p.to.ID, "--server", p.to.Server)
}
