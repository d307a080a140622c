package secrets

import (
	"context"
	"errors"
	"fmt"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshpeer/meshpeer/internal/printable"
)

// Request asks for a token of a ServiceAccount in the cluster that will be read.
type Request struct {
	// Reader is the ID of the cluster whose istiod will hold the token. It is for
	// sources that keep records of their own; those of this package do not use it.
	Reader string
	// Namespace is the ServiceAccount's, and so also that of the object that
	// revokes the token. Default istio-system.
	Namespace string
	// ServiceAccount is the account's name. Default istio-reader-service-account.
	ServiceAccount string
	// ServiceAccountUID, if set, refuses an account of the same name but another UID.
	ServiceAccountUID string
	// Generation counts the tokens of one link, so that the next one can be made
	// while the present one still works.
	Generation int
	// Name is that of the object to create. Default: see ObjectName.
	Name string
	// Labels and Annotations are put on the object. The label
	// istio/multiCluster is refused: istiod would take the object for a remote secret.
	Labels, Annotations map[string]string
}

// TokenSource makes or finds a token. Errors never hold one. TestTokenSource of package
// secretstest holds one of your own to what package peering relies on.
type TokenSource interface {
	Token(context.Context, Request) (Token, error)
}

// TokenSourceFunc is a function as a TokenSource.
type TokenSourceFunc func(context.Context, Request) (Token, error)

// Token calls f.
func (f TokenSourceFunc) Token(ctx context.Context, req Request) (Token, error) { return f(ctx, req) }

// Revoker is a TokenSource that can end the tokens it made. Revoke deletes the
// object that ref names: nil if it is gone already; *ReplacedError if another
// object has its name now, which is left alone; ErrNotRevocable if ref is not of
// this source's kind. The client of the source must be that of ref.Namespace. The
// API server may accept the token for about 10 seconds more, from its authentication
// cache (Kubernetes pkg/kubeapiserver/options/authentication.go). See also TestRevoker of
// package secretstest.
type Revoker interface {
	Revoke(context.Context, Ref) error
}

// Resumer is a TokenSource that can resume from the object which an interrupted Token
// call left behind (see ExistsError). The caller has made sure that the object is its
// own. On failure the object is left as it is; ErrNotResumable if it is not of this
// source's kind.
type Resumer interface {
	Resume(context.Context, Request, *corev1.Secret) (Token, error)
}

// SecretClient is the part of client-go's SecretInterface that sources need; it
// is bound to Request.Namespace.
type SecretClient interface {
	Create(context.Context, *corev1.Secret, metav1.CreateOptions) (*corev1.Secret, error)
	Get(context.Context, string, metav1.GetOptions) (*corev1.Secret, error)
	Delete(context.Context, string, metav1.DeleteOptions) error
}

// TokenCreator is the part of client-go's ServiceAccountInterface that Bound
// needs; it is bound to Request.Namespace.
type TokenCreator interface {
	CreateToken(ctx context.Context, serviceAccount string, req *authenticationv1.TokenRequest, opts metav1.CreateOptions) (*authenticationv1.TokenRequest, error)
}

// Static gives the same token for every request: one that the caller has from
// elsewhere. It cannot be revoked. Its Ref says KindStatic and, where the token
// has claims, whose it is.
func Static(token Token) TokenSource { return static{token} }

type static struct{ token Token }

func (s static) Token(_ context.Context, req Request) (Token, error) {
	if s.token.IsZero() {
		return Token{}, &NoTokenError{ServiceAccount: req.ServiceAccount, Reason: ReasonEmpty, Hint: "give Static a token"}
	}
	ref := s.token.Ref()
	if ref.Kind == "" {
		ref.Kind = KindStatic
		ref.Generation = req.Generation
		if claims, err := s.token.Claims(); err == nil {
			ref.Namespace, ref.ServiceAccount, ref.ServiceAccountUID = claims.Namespace, claims.ServiceAccount, claims.ServiceAccountUID
		}
	}
	return s.token.WithRef(ref), nil
}

// First asks the sources in turn until one gives a token; a later one's Ref
// warns of the failures before it. If none does, their errors are joined. An
// *ExistsError or *LeftoverError ends the search at once, for the name is taken; so
// does the end of ctx.
//
// The result is also a Revoker and a Resumer: it turns to the source which made
// the token, the first that does not answer ErrNotRevocable or ErrNotResumable.
func First(sources ...TokenSource) TokenSource { return firstOf(sources) }

type firstOf []TokenSource

func (f firstOf) Token(ctx context.Context, req Request) (Token, error) {
	var errs []error
	var warnings []string
	for i, source := range f {
		if source == nil {
			continue
		}
		token, err := source.Token(ctx, req)
		if err == nil {
			ref := token.Ref()
			ref.Warnings = append(warnings, ref.Warnings...)
			return token.WithRef(ref), nil
		}
		errs = append(errs, err)
		if ctx.Err() != nil || final(err) {
			break
		}
		warnings = append(warnings, printable.Line(fmt.Sprintf("source %d (%s) gave no token: %v", i+1, sourceName(source), inner(err))))
	}
	if len(errs) == 0 {
		return Token{}, &NoTokenError{ServiceAccount: req.ServiceAccount, Reason: ReasonEmpty, Hint: "give First a source"}
	}
	return Token{}, errors.Join(errs...)
}

func (f firstOf) Revoke(ctx context.Context, ref Ref) error {
	for _, source := range f {
		if revoker, ok := source.(Revoker); ok {
			if err := revoker.Revoke(ctx, ref); !errors.Is(err, ErrNotRevocable) {
				return err
			}
		}
	}
	return fmt.Errorf("secrets: no source revokes a %q token: %w; use the source that made it", ref.Kind, ErrNotRevocable)
}

func (f firstOf) Resume(ctx context.Context, req Request, existing *corev1.Secret) (Token, error) {
	for _, source := range f {
		if resumer, ok := source.(Resumer); ok {
			if token, err := resumer.Resume(ctx, req, existing); !errors.Is(err, ErrNotResumable) {
				return token, err
			}
		}
	}
	return Token{}, fmt.Errorf("secrets: no source can resume from Secret %q: %w; delete it or choose another name", shownName(req.ObjectName()), ErrNotResumable)
}

func final(err error) bool {
	var exists *ExistsError
	var leftover *LeftoverError
	return errors.As(err, &exists) || errors.As(err, &leftover)
}

func sourceName(source TokenSource) string {
	switch source.(type) {
	case Durable, *Durable:
		return string(KindDurable)
	case Bound, *Bound:
		return string(KindBound)
	case static:
		return string(KindStatic)
	default:
		return fmt.Sprintf("%T", source)
	}
}
