package peering

import (
	"context"
	"fmt"
	"slices"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

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
		_, err := t.identify(ctx, t.seen.shared.Token, t.seen.accountUID)
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
	e := t.want.endpoint
	_, err := t.usables.get(t.To.ID.String()+" "+e.Server+" "+e.TLSServerName+" "+e.ProxyURL+" "+t.want.CA, func() (struct{}, error) {
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

// as is To's API server as the bearer of token sees it: at the endpoint that istiod will use or, where that one cannot be
// reached from here, at To's own.
func (t *task) as(ctx context.Context, token secrets.Token) (Objects, *authenticationv1.UserInfo, error) {
	objects, user, err := t.ask(ctx, t.whose(), t.want.endpoint, token)
	if unreachable(err) && t.Link.Endpoint != nil && t.To.Endpoint.Server != "" {
		t.warn(fmt.Sprintf("%v; the token was tried at %s, which is Cluster.Endpoint of %s", err, hostPort(t.To.Endpoint.Server, "443"), t.To.ID))
		return t.ask(ctx, whoseCluster, t.To.Endpoint, token)
	}
	return objects, user, err
}

func (t *task) ask(ctx context.Context, whose string, e secrets.Endpoint, token secrets.Token) (Objects, *authenticationv1.UserInfo, error) {
	objects, err := t.To.As(e, token)
	if err != nil {
		return nil, nil, at(t.To.ID, whose, e, err)
	}
	objects = t.steady(objects)
	review, err := objects.Create(ctx, &authenticationv1.SelfSubjectReview{})
	if err != nil {
		return objects, nil, at(t.To.ID, whose, e, err)
	}
	return objects, &review.(*authenticationv1.SelfSubjectReview).Status.UserInfo, nil
}

// identify says whether the token is accepted, and as the link's reader: name and UID. A token that somebody else's Secret
// holds may speak for anybody, whose name is returned.
func (t *task) identify(ctx context.Context, token secrets.Token, uid string) (Objects, error) {
	objects, user, err := t.as(ctx, token)
	if err != nil {
		return nil, err
	}
	if t.seen.foreign != "" {
		t.speaksFor = user.Username
		return objects, nil
	}
	if user.Username != t.want.reader.user() || uid != "" && user.UID != uid {
		return nil, &WrongIdentityError{Want: t.want.reader.user(), WantUID: uid, Got: user.Username, GotUID: user.UID}
	}
	return objects, nil
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

// needs is what From's istiods list and watch in To: the minimal role of the versions and revisions that were seen, else of
// those that the options name.
func (t *task) needs() []rbac.Access {
	versions, revisions := present(t.from.istiods)
	if len(t.from.istiods) == 0 {
		versions, revisions = []string{t.Reader.IstioVersion}, t.Reader.Revisions
	}
	system := t.systemNamespace(t.From)
	all, _ := t.accesses.get(fmt.Sprint(versions, revisions, system), func() (all []rbac.Access, _ error) {
		for _, version := range versions {
			o := rbac.Options{Profile: rbac.Minimal, IstioVersion: version, SystemNamespace: system, Revisions: revisions}
			rules, err := rbac.Explain(o)
			if err != nil {
				o.IstioVersion = "" // a version that is not one, or too old: all that the newest needs
				if rules, err = rbac.Explain(o); err != nil {
					rules, _ = rbac.Explain(rbac.Options{Profile: rbac.Minimal}) // a revision that is not one
				}
			}
			for _, r := range rules {
				for _, a := range accesses(r) {
					if !slices.Contains(all, a) {
						all = append(all, a)
					}
				}
			}
		}
		return all, nil
	})
	return all
}

// accesses are what a rule of the minimal role grants, one by one.
func accesses(r rbac.Rule) (all []rbac.Access) {
	names := r.ResourceNames
	if len(names) == 0 {
		names = []string{""}
	}
	for _, group := range r.APIGroups {
		for _, resource := range r.Resources {
			for _, name := range names {
				for _, verb := range r.Verbs {
					all = append(all, rbac.Access{Verb: verb, Group: group, Resource: resource, Namespace: r.Namespace, Name: name})
				}
			}
		}
	}
	return all
}

// asRules puts accesses into the form in which they would be granted, one rule per resource and name.
func asRules(accesses []rbac.Access) []rbacv1.PolicyRule {
	var rules []rbacv1.PolicyRule
	var before rbac.Access
	for _, a := range accesses {
		thing := a
		thing.Verb = ""
		if len(rules) > 0 && thing == before {
			last := &rules[len(rules)-1]
			last.Verbs = append(last.Verbs, a.Verb)
			continue
		}
		rule := rbacv1.PolicyRule{APIGroups: []string{a.Group}, Resources: []string{a.Resource}, Verbs: []string{a.Verb}}
		if a.Name != "" {
			rule.ResourceNames = []string{a.Name}
		}
		rules, before = append(rules, rule), thing
	}
	return rules
}
