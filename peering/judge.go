package peering

import (
	"context"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/meshpeer/meshpeer/secrets"
)

// judge decides whether the shared credential is still good, and with an existing account whether a new one would be. It
// is the last look before the steps are made.
func (w *work) judge(ctx context.Context) error {
	if _, err := secrets.Build(w.remote(secrets.NewToken("not-a-token", time.Time{})), secrets.Options{Namespace: w.From.namespace()}); err != nil {
		return err // an endpoint that istiod would refuse, before anything is written
	}
	if err := w.checkAccount(ctx); err != nil {
		return err
	}
	shared, why := w.shared()
	switch {
	case w.live.adopted:
		why = "it was made by " + owner(w.live.secret)
	case why == "" && w.goal == Rotated:
		why = "a new credential was requested"
	case why == "":
		why = w.outdated(shared)
	}
	if why == "" {
		_, err := w.identify(ctx, shared.Token, w.live.accountUID)
		switch {
		case err == nil:
			w.token = shared.Token.WithRef(w.live.ref)
		case apierrors.IsUnauthorized(err), isWrongIdentity(err):
			why = err.Error()
		default:
			return err // the API server cannot be asked: not a reason to mint
		}
	}
	w.live.stale = why
	return w.dangers()
}

// shared is what istiod finds in the remote secret under To's ID; else why it finds nothing of use.
func (w *work) shared() (secrets.Remote, string) {
	if w.live.secret == nil {
		return secrets.Remote{}, "there is no remote secret yet"
	}
	remotes, err := secrets.Parse(w.live.secret)
	if err != nil {
		return secrets.Remote{}, "istiod would refuse the remote secret"
	}
	for _, r := range remotes {
		if r.Cluster == w.To.ID.String() && r.Credential == "" {
			return r, ""
		}
	}
	return secrets.Remote{}, "the remote secret holds no token for " + w.To.ID.String()
}

// outdated compares the shared token with its own record and with the options; "" if it may stay.
func (w *work) outdated(shared secrets.Remote) string {
	ref := w.live.ref
	renew := renewAt(ref)
	switch {
	case shared.Token.Ref().Fingerprint != ref.Fingerprint:
		return "the token is not the one on record"
	case w.kind() != "" && ref.Kind != w.kind():
		return fmt.Sprintf("the token is %s and should be %s", ref.Kind, w.kind())
	case w.live.account == nil:
		return "its account does not exist"
	case !renew.IsZero() && !time.Now().Before(renew):
		return "it is time to renew it"
	}
	return ""
}

// checkAccount asks, as the caller, whether an existing account holds all that istiod needs. Where the caller may not ask
// that, the minted token will tell.
func (w *work) checkAccount(ctx context.Context) error {
	if w.Account == nil {
		return nil
	}
	groups := []string{"system:serviceaccounts", "system:serviceaccounts:" + w.want.reader.namespace, "system:authenticated"}
	lacking, err := denied(ctx, w.to.Objects, w.want.reader.user(), groups, w.needs())
	if apierrors.IsForbidden(err) {
		return nil
	}
	if err == nil && len(lacking) > 0 {
		err = &MissingRightsError{Account: w.want.reader.String(), Missing: asRules(lacking)}
	}
	return err
}

// renewAt is when four fifths of the granted life are over; zero for a token that does not expire. What is left covers a
// missed run of the program that renews.
func renewAt(ref secrets.Ref) time.Time {
	if ref.Expires.IsZero() || ref.Issued.IsZero() {
		return ref.Expires
	}
	return ref.Issued.Add(ref.Expires.Sub(ref.Issued) * 4 / 5)
}
