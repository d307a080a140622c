package secrets

import (
	"context"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
)

// First asks the sources in turn until one gives a token; a later one's Ref
// warns of the failures before it. If none does, their errors are joined. An
// *ExistsError or *LeftoverError ends it at once, as does the end of ctx: the
// name is taken, or nobody waits any more.
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
		warnings = append(warnings, fmt.Sprintf("source %d (%s) gave no token: %v", i+1, sourceName(source), inner(err)))
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
	return Token{}, fmt.Errorf("secrets: no source goes on from Secret %q: %w; delete it or choose another name", req.ObjectName(), ErrNotResumable)
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
