package secrets_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"maps"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
)

var secretsResource = schema.GroupResource{Resource: "secrets"}

// store is a SecretClient in memory that keeps the rules of the API server which
// matter here: create is a lock, a delete heeds its UID precondition.
type store struct {
	mu      sync.Mutex
	objects map[string]*corev1.Secret
	made    int
	gets    int
	// onGet plays the token controller; it may change or remove the stored object.
	onGet func(n int, s *store, name string) error
	// createErr and deleteErr answer in place of the store.
	createErr, deleteErr error
}

func (s *store) Create(ctx context.Context, secret *corev1.Secret, _ metav1.CreateOptions) (*corev1.Secret, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.createErr != nil {
		return nil, s.createErr
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if _, found := s.objects[secret.Name]; found {
		return nil, apierrors.NewAlreadyExists(secretsResource, secret.Name)
	}
	return s.put(secret).DeepCopy(), nil
}

// put stores secret under a new UID.
func (s *store) put(secret *corev1.Secret) *corev1.Secret {
	s.made++
	stored := secret.DeepCopy()
	stored.UID, stored.ResourceVersion = types.UID("uid-"+string(rune('0'+s.made))), "1"
	if s.objects == nil {
		s.objects = map[string]*corev1.Secret{}
	}
	s.objects[secret.Name] = stored
	return stored
}

func (s *store) Get(ctx context.Context, name string, _ metav1.GetOptions) (*corev1.Secret, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gets++
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if s.onGet != nil {
		if err := s.onGet(s.gets, s, name); err != nil {
			return nil, err
		}
	}
	stored, found := s.objects[name]
	if !found {
		return nil, apierrors.NewNotFound(secretsResource, name)
	}
	return stored.DeepCopy(), nil
}

func (s *store) Delete(ctx context.Context, name string, opts metav1.DeleteOptions) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.deleteErr != nil {
		return s.deleteErr
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	stored, found := s.objects[name]
	if !found {
		return apierrors.NewNotFound(secretsResource, name)
	}
	if p := opts.Preconditions; p != nil && p.UID != nil && *p.UID != stored.UID {
		return apierrors.NewConflict(secretsResource, name, nil)
	}
	delete(s.objects, name)
	return nil
}

// names lists what is stored.
func (s *store) names() []string {
	names := []string{}
	for name := range maps.Keys(s.objects) {
		names = append(names, name)
	}
	return names
}

// fill puts data into the stored object as the token controller does.
func (s *store) fill(name, token, accountUID string) {
	stored := s.objects[name]
	stored.Data = map[string][]byte{"ca.crt": []byte("ca"), "namespace": []byte("istio-system"), "token": []byte(token)}
	stored.Annotations["kubernetes.io/service-account.uid"] = accountUID
}

// accounts is a TokenCreator.
type accounts func(ctx context.Context, account string, req *authenticationv1.TokenRequest) (*authenticationv1.TokenRequest, error)

func (f accounts) CreateToken(ctx context.Context, account string, req *authenticationv1.TokenRequest, _ metav1.CreateOptions) (*authenticationv1.TokenRequest, error) {
	return f(ctx, account, req)
}

// jwt makes an unsigned web token with these claims.
func jwt(t testing.TB, claims map[string]any) string {
	t.Helper()
	payload, err := json.Marshal(claims)
	require.NoError(t, err)
	part := base64.RawURLEncoding.EncodeToString
	return part([]byte(`{"alg":"none"}`)) + "." + part(payload) + "." + part([]byte("signature"))
}

func forbidden() error {
	return apierrors.NewForbidden(secretsResource, "x", nil)
}

// pemBlock is a block of this type with nothing of use in it.
func pemBlock(kind string) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: []byte("nothing")})
}
