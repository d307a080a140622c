//go:build linux

package main

import (
	"context"
	"fmt"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshpeer/meshpeer/internal/lab"
	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/secrets"
)

func (m *mesh) marks() []lab.AuditMark {
	marks := make([]lab.AuditMark, len(m.lab.Clusters))
	for i, c := range m.lab.Clusters {
		marks[i] = c.Audit()
	}
	return marks
}

// noWrites counts in the API servers' own audit logs what the administrator's credential wrote since the marks.
func (m *mesh) noWrites(tell *teller, marks []lab.AuditMark) error {
	for i, c := range m.lab.Clusters {
		events, err := c.AuditSince(marks[i])
		if err != nil {
			return err
		}
		n := lab.CountAudit(events, func(e lab.AuditEvent) bool { return e.User == lab.UserAdmin })
		tell.audit(c.ID, n.Writes, n.Reads)
		if n.Writes+n.Tokens > 0 {
			return fmt.Errorf("the second Ensure wrote %d times and asked for %d tokens in %s", n.Writes, n.Tokens, c.ID)
		}
	}
	return nil
}

// credential is a token as it was shared, and the API server that it was for.
type credential struct {
	to    *peering.Cluster
	token secrets.Token
}

// tokens reads the remote secrets, as an intruder in From could.
func (m *mesh) tokens(ctx context.Context, links []peering.Link) ([]credential, error) {
	var all []credential
	for _, l := range links {
		found, err := l.From.Objects.Get(ctx, &corev1.Secret{
			ObjectMeta: metav1.ObjectMeta{Namespace: "istio-system", Name: secrets.SecretName(l.To.ID.String())},
		})
		if err != nil {
			return nil, err
		}
		remotes, err := secrets.Parse(found.(*corev1.Secret))
		if err != nil {
			return nil, err
		}
		all = append(all, credential{l.To, remotes[0].Token})
	}
	return all, nil
}

// refused tries the tokens that were shared once more.
func refused(ctx context.Context, tell *teller, tokens []credential) error {
	for _, c := range tokens {
		bearer, err := c.to.As(c.to.Endpoint, c.token)
		if err != nil {
			return err
		}
		_, err = bearer.Create(ctx, &authenticationv1.SelfSubjectReview{})
		if !apierrors.IsUnauthorized(err) {
			return fmt.Errorf("the revoked token is not refused by %s: answer is %v", c.to.ID, err)
		}
		tell.refused(c.to.ID)
	}
	return nil
}
