package conformance

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshpeer/meshpeer/internal/suite"
	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/secrets"
)

// TestAs checks that Cluster.As is the API server as a token's bearer sees it, with no right of the caller's own: peering proves
// a credential by it, and proves that a revoked one is refused. It makes accounts with a token in namespace, which must exist,
// and removes them. It needs Cluster's Objects, As and Endpoint.
func TestAs(t *testing.T, c *peering.Cluster, namespace string) {
	if c == nil || c.Objects == nil || c.As == nil || namespace == "" {
		t.Fatal("conformance: TestAs needs a Cluster with Objects and As, and a namespace")
	}
	suite.Run(t, asRules(c, namespace))
}

func asRules(c *peering.Cluster, namespace string) []suite.Rule {
	with := func(name string, n int, check func(context.Context, reader) error) suite.Rule {
		return suite.Rule{Name: name, Check: func(ctx context.Context) error {
			r, remove, err := newReader(ctx, c, namespace, n)
			defer remove()
			if err != nil {
				return err
			}
			return check(ctx, r)
		}}
	}
	speaks := func(ctx context.Context, r reader) error {
		who, err := whoIs(ctx, r.objects)
		if err == nil && who.Username != r.user() {
			err = fmt.Errorf("it is %s, not %s", who.Username, r.user())
		}
		return err
	}
	slices := func(ctx context.Context, r reader) error {
		_, err := r.objects.List(ctx, &discoveryv1.EndpointSlice{
			TypeMeta:   metav1.TypeMeta{APIVersion: discoveryv1.SchemeGroupVersion.String(), Kind: "EndpointSlice"},
			ObjectMeta: metav1.ObjectMeta{Namespace: namespace},
		}, "")
		return err
	}
	// refused asks with a token that opens nothing: an error may come with the making or with the first request.
	refused := func(ctx context.Context, token secrets.Token) error {
		objects, err := c.As(c.Endpoint, token)
		if err != nil {
			return err
		}
		who, err := whoIs(ctx, objects)
		if err == nil {
			return fmt.Errorf("%w: it speaks for %q", errSpeaks, who.Username)
		}
		return err
	}
	return []suite.Rule{
		with("a token speaks for its account, and not for the caller", 21, func(ctx context.Context, r reader) error {
			return suite.Await(ctx, lag, func() error { return speaks(ctx, r) })
		}),
		with("what the account may do is done", 22, func(ctx context.Context, r reader) error {
			return suite.Await(ctx, lag, func() error { return slices(ctx, r) })
		}),
		with("what the account may not do is Forbidden", 23, func(ctx context.Context, r reader) error {
			return suite.Await(ctx, lag, func() error {
				_, err := r.objects.List(ctx, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: namespace}}, "")
				return suite.Answer("Forbidden", apierrors.IsForbidden, err)
			})
		}),
		with("two tokens at once are two bearers", 24, func(ctx context.Context, first reader) error {
			second, remove, err := newReader(ctx, c, namespace, 25)
			defer remove()
			if err != nil {
				return err
			}
			return suite.Await(ctx, lag, func() error {
				return errors.Join(speaks(ctx, first), speaks(ctx, second), speaks(ctx, first))
			})
		}),
		{Name: "a token that nobody issued is answered 401", Check: func(ctx context.Context) error {
			for _, forged := range []string{"no-token-at-all", "eyJhbGciOiJub25lIn0.eyJzdWIiOiJzeXN0ZW06YWRtaW4ifQ.c2lnbmF0dXJl"} {
				if err := unauthorized(refused(ctx, secrets.NewToken(forged, time.Time{}))); err != nil {
					return err
				}
			}
			return nil
		}},
		{Name: "no token is nobody, and never the caller", Check: func(ctx context.Context) error {
			if err := refused(ctx, secrets.Token{}); err == nil || errors.Is(err, errSpeaks) {
				return err
			}
			return nil
		}},
		with("an address where nothing listens is an error", 26, func(ctx context.Context, r reader) error {
			nowhere := c.Endpoint
			nowhere.Server = "https://127.0.0.1:1"
			objects, err := c.As(nowhere, r.token)
			if err == nil {
				err = slices(ctx, reader{objects: objects})
			}
			if err == nil || apierrors.IsUnauthorized(err) || apierrors.IsForbidden(err) {
				return fmt.Errorf("it answers %v, as an API server would: the Endpoint that was given is not the one that is asked", err)
			}
			return nil
		}),
		with("a server that the endpoint's CA does not vouch for is an error", 28, func(ctx context.Context, r reader) error {
			other := c.Endpoint
			ca, err := otherCA()
			if err != nil {
				return err
			}
			other.CA, other.InsecureSkipTLSVerify = ca, false
			objects, err := c.As(other, r.token)
			if err == nil {
				err = slices(ctx, reader{objects: objects})
			}
			if err == nil || apierrors.IsUnauthorized(err) || apierrors.IsForbidden(err) {
				return fmt.Errorf("it answers %v: the token was sent to a server that nobody vouches for", err)
			}
			return nil
		}),
		with("an ended context is an error", 27, func(ctx context.Context, r reader) error {
			return suite.Ends(func() error {
				return slices(suite.Ended(ctx), r)
			})
		}),
	}
}

// otherCA is a certificate that has signed nothing.
func otherCA() ([]byte, error) {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "conformance"}, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, public, private)
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), err
}

// errSpeaks says that a token which opens nothing was taken.
var errSpeaks = errors.New("the API server takes it")
