package secretstest

import (
	"context"
	"errors"
	"fmt"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshpeer/meshpeer/internal/suite"
	"github.com/meshpeer/meshpeer/secrets"
)

// TestResumer checks that a source goes on from the object which an interrupted run of it left behind, and from no other. client
// is for the Secrets of a's namespace, where the source makes its objects. The source has to be a secrets.Revoker, too.
func TestResumer(t *testing.T, source secrets.TokenSource, client secrets.SecretClient, a Account) {
	if client == nil {
		t.Fatal("secretstest: TestResumer needs a SecretClient")
	}
	if err := a.problem(); err != nil {
		t.Fatal(err)
	}
	_, resumes := source.(secrets.Resumer)
	if _, revokes := source.(secrets.Revoker); !resumes || !revokes {
		t.Fatalf("secretstest: %T is not both a secrets.Resumer and a secrets.Revoker", source)
	}
	suite.Run(t, resumerRules(source, client, a))
}

func resumerRules(source secrets.TokenSource, client secrets.SecretClient, a Account) []suite.Rule {
	resumer := source.(secrets.Resumer)
	// with checks on the object that stands for a token.
	with := func(name string, generation int, check func(context.Context, secrets.Request, *corev1.Secret) error) suite.Rule {
		return suite.Rule{Name: name, Check: func(ctx context.Context) error {
			return give(ctx, source, a.request(generation), func(token secrets.Token) error {
				left, err := client.Get(ctx, token.Ref().Name, metav1.GetOptions{})
				if err != nil {
					return fmt.Errorf("the object of the token: %w", err)
				}
				return check(ctx, a.request(generation), left)
			})
		}}
	}
	// refuses fails unless nothing comes of the object, and the stored one stays.
	refuses := func(ctx context.Context, r secrets.Request, stored, other *corev1.Secret) error {
		token, err := resumer.Resume(ctx, r, other)
		if !errors.Is(err, secrets.ErrNotResumable) || !token.IsZero() {
			return fmt.Errorf("it answers %v, and a token: %t", err, !token.IsZero())
		}
		live, err := client.Get(ctx, stored.Name, metav1.GetOptions{})
		if err == nil && live.UID != stored.UID {
			err = errors.New("the stored object was replaced")
		}
		return err
	}
	return []suite.Rule{
		with("what another run left gives a token, and is what revokes it", 9021, func(ctx context.Context, r secrets.Request, left *corev1.Secret) error {
			token, err := resumer.Resume(ctx, r, left)
			if err != nil {
				return err
			}
			if ref := token.Ref(); ref.Name != left.Name || ref.UID != string(left.UID) {
				return fmt.Errorf("its reference names %s with UID %s, not %s with %s", ref.Name, ref.UID, left.Name, left.UID)
			}
			return a.accepts(ctx, token)
		}),
		with("an object of another kind answers ErrNotResumable, and stays", 9022, func(ctx context.Context, r secrets.Request, left *corev1.Secret) error {
			other := left.DeepCopy()
			other.Type, other.Data = "secretstest.example/other", map[string][]byte{"key": []byte("value")}
			return refuses(ctx, r, left, other)
		}),
		with("an object of another name answers ErrNotResumable", 9023, func(ctx context.Context, r secrets.Request, left *corev1.Secret) error {
			other := left.DeepCopy()
			other.Name = "secretstest-other"
			return refuses(ctx, r, left, other)
		}),
		with("an object that is being deleted answers ErrNotResumable", 9024, func(ctx context.Context, r secrets.Request, left *corev1.Secret) error {
			other := left.DeepCopy()
			now := metav1.Now()
			other.DeletionTimestamp = &now
			return refuses(ctx, r, left, other)
		}),
		with("no object answers ErrNotResumable", 9025, func(ctx context.Context, r secrets.Request, left *corev1.Secret) error {
			return refuses(ctx, r, left, nil)
		}),
	}
}
