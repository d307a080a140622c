package secretstest

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/meshpeer/meshpeer/internal/suite"
	"github.com/meshpeer/meshpeer/secrets"
)

// TestSecretClient checks that client is one namespace's Secrets as token sources need them. The namespace must exist; the
// suite makes Secrets there whose names begin with secretstest, and deletes them.
func TestSecretClient(t *testing.T, client secrets.SecretClient, namespace string) {
	if client == nil || namespace == "" {
		t.Fatal("secretstest: TestSecretClient needs a SecretClient and a namespace")
	}
	suite.Run(t, secretClientRules(client, namespace))
}

// otherUID is that of nothing.
const otherUID = types.UID("00000000-0000-0000-0000-000000000000")

func secretClientRules(client secrets.SecretClient, namespace string) []suite.Rule {
	fresh := func() *corev1.Secret {
		return &corev1.Secret{
			TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Secret"},
			ObjectMeta: metav1.ObjectMeta{
				Namespace: namespace, Name: "secretstest-client",
				Labels: map[string]string{"secretstest": "client"}, Annotations: map[string]string{"secretstest": "kept"},
			},
			Type: corev1.SecretTypeOpaque, Data: map[string][]byte{"key": []byte("value")},
		}
	}
	name := fresh().Name
	// with checks on a Secret that is there, and deletes it.
	with := func(name string, check func(ctx context.Context, created *corev1.Secret) error) suite.Rule {
		return suite.Rule{Name: name, Check: func(ctx context.Context) error {
			created, err := client.Create(ctx, fresh(), metav1.CreateOptions{})
			if err == nil && created == nil {
				err = errors.New("the answer is nil")
			}
			if err != nil {
				return fmt.Errorf("a Secret for the suite: %w", err)
			}
			defer func() { _ = client.Delete(context.WithoutCancel(ctx), fresh().Name, metav1.DeleteOptions{}) }()
			return check(ctx, created)
		}}
	}
	deleteAs := func(ctx context.Context, uid types.UID) error {
		return client.Delete(ctx, name, metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &uid}})
	}
	return []suite.Rule{
		with("Create answers what is stored, with its UID", func(_ context.Context, created *corev1.Secret) error {
			if created.UID == "" || created.Namespace != namespace || created.Name != name || created.Type != fresh().Type {
				return fmt.Errorf("it is %s/%s of type %q with UID %q", created.Namespace, created.Name, created.Type, created.UID)
			}
			return nil
		}),
		with("Create is a lock: the second one answers AlreadyExists", func(ctx context.Context, _ *corev1.Secret) error {
			_, err := client.Create(ctx, fresh(), metav1.CreateOptions{})
			return suite.Answer("AlreadyExists", apierrors.IsAlreadyExists, err)
		}),
		{Name: "Create leaves what it is given as it is", Check: func(ctx context.Context) error {
			given := fresh()
			_, err := client.Create(ctx, given, metav1.CreateOptions{})
			if err != nil {
				return err
			}
			if err := client.Delete(ctx, name, metav1.DeleteOptions{}); err != nil {
				return err
			}
			if !reflect.DeepEqual(given, fresh()) {
				return errors.New("it changed the Secret: work on a copy")
			}
			return nil
		}},
		with("Get answers what was created, as a copy", func(ctx context.Context, created *corev1.Secret) error {
			for range 2 { // the second time after a change of what was returned
				got, err := client.Get(ctx, name, metav1.GetOptions{})
				if err != nil {
					return err
				}
				if got.UID != created.UID || string(got.Data["key"]) != "value" || got.Labels["secretstest"] != "client" || got.Annotations["secretstest"] != "kept" {
					return fmt.Errorf("UID %q, %d keys, labels %v, annotations %v are not what was created", got.UID, len(got.Data), got.Labels, got.Annotations)
				}
				got.Data["key"] = []byte("changed")
				got.Labels["secretstest"] = "changed"
			}
			return nil
		}),
		{Name: "Get of a name that nothing has answers NotFound", Check: func(ctx context.Context) error {
			_, err := client.Get(ctx, "secretstest-no-such-name", metav1.GetOptions{})
			return suite.Answer("NotFound", apierrors.IsNotFound, err)
		}},
		with("Delete with another UID answers Conflict, and deletes nothing", func(ctx context.Context, _ *corev1.Secret) error {
			if err := suite.Answer("Conflict", apierrors.IsConflict, deleteAs(ctx, otherUID)); err != nil {
				return err
			}
			_, err := client.Get(ctx, name, metav1.GetOptions{})
			return err
		}),
		with("Delete with the UID deletes, and the next one answers NotFound", func(ctx context.Context, created *corev1.Secret) error {
			if err := deleteAs(ctx, created.UID); err != nil {
				return err
			}
			if _, err := client.Get(ctx, name, metav1.GetOptions{}); !apierrors.IsNotFound(err) {
				return fmt.Errorf("the Secret is still there: %w", suite.Answer("NotFound", apierrors.IsNotFound, err))
			}
			return suite.Answer("NotFound", apierrors.IsNotFound, deleteAs(ctx, created.UID))
		}),
		{Name: "Create with an ended context is an error, and stores nothing", Check: func(ctx context.Context) error {
			defer func() { _ = client.Delete(context.WithoutCancel(ctx), name, metav1.DeleteOptions{}) }()
			err := suite.Ends(func() error {
				_, err := client.Create(suite.Ended(ctx), fresh(), metav1.CreateOptions{})
				return err
			})
			if err != nil {
				return err
			}
			_, err = client.Get(ctx, name, metav1.GetOptions{})
			return suite.Answer("NotFound", apierrors.IsNotFound, err)
		}},
	}
}
