package peering

import (
	"cmp"
	"context"
	"fmt"
	"sync"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/meshpeer/meshpeer/internal/apply"
	"github.com/meshpeer/meshpeer/internal/rights"
	"github.com/meshpeer/meshpeer/rbac"
	"github.com/meshpeer/meshpeer/secrets"
)

// judge decides whether the shared credential is still good, and with an existing account whether a new one would be. It
// is the last look before the steps are made.
func (t *task) judge(ctx context.Context) error {
	if err := t.usable(); err != nil {
		return err // an endpoint that istiod would refuse, before anything is written
	}
	if err := t.checkAccount(ctx); err != nil {
		return err
	}
	why := t.seen.useless
	switch {
	case t.seen.adopted:
		why = "it was made by " + apply.Owner(t.seen.secret)
	case why == "" && t.goal == Rotated:
		why = "a new credential was requested"
	case why == "":
		why = t.outdated()
	}
	if why == "" {
		t.reachIstiods()
		err := t.identify(ctx, t.seen.shared.Token, t.seen.accountUID, nil)
		switch {
		case err == nil:
			t.token = t.seen.shared.Token.WithRef(t.seen.ref)
		case apierrors.IsUnauthorized(err), isWrongIdentity(err):
			why = err.Error()
		default:
			return err // the API server cannot be asked: not a reason to mint
		}
	}
	t.seen.stale = why
	return t.dangers()
}

// usable says why istiod would refuse the endpoint; the same for all links with it.
func (t *task) usable() error {
	_, err := t.usables.get(t.To.ID.String()+" "+t.From.namespace()+" "+whole(t.want.endpoint), func() (struct{}, error) {
		_, err := secrets.Build(t.remote(secrets.NewToken("not-a-token", time.Time{})), secrets.Options{Namespace: t.From.namespace()})
		return struct{}{}, err
	})
	return err
}

// outdated compares the shared token with its own record and with the options; "" if it may stay.
func (t *task) outdated() string {
	ref := t.seen.ref
	renew := renewAt(ref)
	switch {
	case t.seen.shared.Token.Ref().Fingerprint != ref.Fingerprint:
		return "the token is not the one on record"
	case t.kind() != "" && ref.Kind != t.kind():
		return fmt.Sprintf("the token is %s and should be %s", ref.Kind, t.kind())
	case t.seen.account == nil:
		return "its account does not exist"
	case !renew.IsZero() && !time.Now().Before(renew):
		return "it is time to renew it"
	}
	return ""
}

// renewAt is when four fifths of the granted life are over; zero for a token that does not expire. What is left covers a
// missed run of the program that renews.
func renewAt(ref secrets.Ref) time.Time {
	if ref.Expires.IsZero() || ref.Issued.IsZero() {
		return ref.Expires
	}
	return ref.Issued.Add(ref.Expires.Sub(ref.Issued) * 4 / 5)
}

// as asks To's API server as the bearer of token who that is: at the endpoint that istiod will use or, where that one cannot be
// reached from here, at To's own. Meanwhile besides asks what else there is to ask.
func (t *task) as(ctx context.Context, token secrets.Token, besides func(Objects)) (*authenticationv1.UserInfo, error) {
	user, err := t.ask(ctx, t.whose(), t.want.endpoint, token, besides)
	if unreachable(err) && t.Link.Endpoint != nil && t.To.Endpoint.Server != "" {
		t.warn(fmt.Sprintf("%v; the token was tried at %s, which is Cluster.Endpoint of %s", err, hostPort(t.To.Endpoint.Server, "443"), t.To.ID))
		return t.ask(ctx, whoseCluster, t.To.Endpoint, token, besides)
	}
	return user, err
}

func (t *task) ask(ctx context.Context, whose string, e secrets.Endpoint, token secrets.Token, besides func(Objects)) (*authenticationv1.UserInfo, error) {
	objects, err := t.To.As(e, token)
	if err != nil {
		return nil, at(t.To.ID, whose, e, err)
	}
	objects = t.steady(objects)
	var wg sync.WaitGroup
	if besides != nil {
		wg.Go(func() { besides(objects) })
	}
	review, err := objects.Create(ctx, &authenticationv1.SelfSubjectReview{})
	wg.Wait()
	if err != nil {
		return nil, at(t.To.ID, whose, e, err)
	}
	return &review.(*authenticationv1.SelfSubjectReview).Status.UserInfo, nil
}

// identify says whether the token is accepted, and as the link's reader: name and UID. A token that somebody else's Secret
// holds may speak for anybody, whose name is returned.
func (t *task) identify(ctx context.Context, token secrets.Token, uid string, besides func(Objects)) error {
	user, err := t.as(ctx, token, besides)
	if err != nil {
		return err
	}
	if t.seen.foreign != "" {
		t.speaksFor = user.Username
		return nil
	}
	if user.Username != t.want.reader.user() || uid != "" && user.UID != uid {
		return &WrongIdentityError{Want: t.want.reader.user(), WantUID: uid, Got: user.Username, GotUID: user.UID}
	}
	return nil
}

// checkAccount asks, as the caller, whether an existing account holds all that istiod needs. Where the caller may not ask
// that, the minted token will tell.
func (t *task) checkAccount(ctx context.Context) error {
	if t.Account == nil {
		return nil
	}
	groups := []string{"system:serviceaccounts", "system:serviceaccounts:" + t.want.reader.namespace, "system:authenticated"}
	lacking, err := rights.LackingOf(ctx, t.to.objects, t.want.reader.user(), groups, t.needs())
	if apierrors.IsForbidden(err) {
		return nil
	}
	if err == nil && len(lacking) > 0 {
		err = &MissingRightsError{Account: t.want.reader.String(), Missing: asRules(lacking)}
	}
	return err
}

// prove uses the token as istiod will: it must be accepted, as the account of the link, with every right that istiod's
// informers need. A missing one shows nowhere but in istiod's log. Caches of the API server may lag behind what it has just
// stored, so a refusal is tried again, unless waiting cannot help.
func (t *task) prove(ctx context.Context, r secrets.Request, token secrets.Token) error {
	needs := t.needs()
	last, judged := error(nil), false
	err := wait.PollUntilContextTimeout(ctx, 50*time.Millisecond, proofTimeout, true, func(ctx context.Context) (bool, error) {
		last = t.proveOnce(ctx, token, &needs)
		switch {
		case last == nil:
			return true, nil
		case apierrors.IsUnauthorized(last):
			if !judged {
				judged = true
				if reason := t.hopeless(ctx, r, token); reason != "" {
					last = &RefusedTokenError{Cluster: t.To.ID, Reason: reason, Err: last}
					return false, last
				}
			}
			return false, nil
		case isMissingRights(last):
			return false, nil
		}
		return false, last
	})
	if err != nil && last != nil {
		return last
	}
	return err
}

// proveOnce leaves in needs what is still refused. Whose rights they are is asked at the same time, and judged first.
func (t *task) proveOnce(ctx context.Context, token secrets.Token, needs *[]rbac.Access) error {
	var lacking []rbac.Access
	var err error
	besides := func(bearer Objects) { lacking, err = rights.Lacking(ctx, bearer, *needs) }
	if err := t.identify(ctx, token, token.Ref().ServiceAccountUID, besides); err != nil {
		return err
	}
	if err != nil {
		return at(t.To.ID, t.whose(), t.want.endpoint, err)
	}
	if *needs = lacking; len(lacking) > 0 {
		return &MissingRightsError{Account: cmp.Or(t.speaksFor, t.want.reader.String()), Missing: asRules(lacking)}
	}
	return nil
}
