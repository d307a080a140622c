//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	"github.com/meshpeer/meshpeer/secrets"
)

// read does the reads alone from which one can tell that the link is good: five objects, who the token speaks for, and
// what each istiod says.
func (p pair) read(ctx context.Context) error {
	if _, err := p.to.client.CoreV1().ServiceAccounts(namespace).Get(ctx, p.name(), metav1.GetOptions{}); err != nil {
		return err
	}
	if _, err := p.to.client.RbacV1().ClusterRoles().Get(ctx, p.name(), metav1.GetOptions{}); err != nil {
		return err
	}
	if _, err := p.to.client.RbacV1().ClusterRoleBindings().Get(ctx, p.name(), metav1.GetOptions{}); err != nil {
		return err
	}
	if _, err := p.to.client.CoreV1().Secrets(namespace).Get(ctx, p.name(), metav1.GetOptions{}); err != nil {
		return err
	}
	stored, err := p.from.client.CoreV1().Secrets(namespace).Get(ctx, secrets.SecretName(p.to.ID), metav1.GetOptions{})
	if err != nil {
		return err
	}
	remotes, err := secrets.Parse(stored)
	if err != nil {
		return err
	}
	return errors.Join(p.whoAmI(ctx, remotes[0]), p.from.awaitSynced(ctx, p.to.ID))
}

// whoAmI shows the token to the API server. Connections are shared: client-go keeps one for each address and CA.
func (p pair) whoAmI(ctx context.Context, r secrets.Remote) error {
	client, err := unlimited(&rest.Config{
		Host: r.Endpoint.Server, BearerToken: r.Token.Reveal(), TLSClientConfig: rest.TLSClientConfig{CAData: r.Endpoint.CA},
	})
	if err != nil {
		return err
	}
	review, err := client.AuthenticationV1().SelfSubjectReviews().Create(ctx, &authenticationv1.SelfSubjectReview{}, metav1.CreateOptions{})
	if err != nil {
		return err
	}
	if want := "system:serviceaccount:" + namespace + ":" + p.name(); review.Status.UserInfo.Username != want {
		return fmt.Errorf("the token is of %s, not %s", review.Status.UserInfo.Username, want)
	}
	return nil
}

// settling is how long istiods are given to take a changed Secret: they were seen to take a tenth of it. A token that is
// deleted sooner leaves an istiod waiting for a sync that cannot come.
const settling = time.Second

// rotate changes the token as a script does that does not look: a new one, stored, and the old one deleted. Its values are
// those of a turn on the lab, without the pause that such a script makes before it deletes.
func (p pair) rotate(ctx context.Context) ([]float64, error) {
	start := time.Now()
	remote, err := p.remoteSecret(ctx, p.name()+"-2")
	if err != nil {
		return nil, err
	}
	if _, err := p.from.client.CoreV1().Secrets(namespace).Update(ctx, remote, metav1.UpdateOptions{}); err != nil {
		return nil, err
	}
	updated := since(start)
	time.Sleep(settling)
	start = time.Now()
	err = p.to.client.CoreV1().Secrets(namespace).Delete(ctx, p.name(), metav1.DeleteOptions{})
	return []float64{updated, updated + since(start)}, err
}
