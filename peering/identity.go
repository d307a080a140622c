package peering

import (
	"context"
	"fmt"

	authenticationv1 "k8s.io/api/authentication/v1"

	"github.com/meshpeer/meshpeer/secrets"
)

// as is To's API server as the bearer of token sees it: at the endpoint that istiod will use or, where that one cannot be
// reached from here, at To's own.
func (w *work) as(ctx context.Context, token secrets.Token) (Objects, *authenticationv1.UserInfo, error) {
	objects, user, err := w.ask(ctx, w.whose(), w.endpoint, token)
	if unreachable(err) && w.Link.Endpoint != nil && w.To.Endpoint.Server != "" {
		w.warn(fmt.Sprintf("%v; the token was tried at %s, which is Cluster.Endpoint of %s", err, hostPort(w.To.Endpoint.Server, "443"), w.To.ID))
		return w.ask(ctx, whoseCluster, w.To.Endpoint, token)
	}
	return objects, user, err
}

func (w *work) ask(ctx context.Context, whose string, e secrets.Endpoint, token secrets.Token) (Objects, *authenticationv1.UserInfo, error) {
	objects, err := w.To.As(e, token)
	if err != nil {
		return nil, nil, at(w.To.ID, whose, e, err)
	}
	review, err := objects.Create(ctx, &authenticationv1.SelfSubjectReview{})
	if err != nil {
		return objects, nil, at(w.To.ID, whose, e, err)
	}
	return objects, &review.(*authenticationv1.SelfSubjectReview).Status.UserInfo, nil
}

// whose endpoint of To the link uses.
func (w *work) whose() string {
	if w.Link.Endpoint != nil {
		return whoseLink
	}
	return whoseCluster
}

// identify says whether the token is accepted, and as the link's reader: name and UID.
func (w *work) identify(ctx context.Context, token secrets.Token, uid string) (Objects, error) {
	objects, user, err := w.as(ctx, token)
	if err != nil {
		return nil, err
	}
	if user.Username != w.want.reader.user() || uid != "" && user.UID != uid {
		return nil, &WrongIdentityError{Want: w.want.reader.user(), WantUID: uid, Got: user.Username, GotUID: user.UID}
	}
	return objects, nil
}
