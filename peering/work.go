package peering

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshpeer/meshpeer/peering/istiod"
	"github.com/meshpeer/meshpeer/peering/preflight"
	"github.com/meshpeer/meshpeer/secrets"
)

// work is one link in one call: what is wanted, what is there, and what became of it.
type work struct {
	*call
	Link
	from, to   *member
	report     LinkReport
	again      bool                // what the call read of From is older than this look
	refused    *Error              // why nothing can be done: found while reading
	findings   []preflight.Finding // those of the preflight that somebody should see
	overGrants []string            // of the roles
	planned    []step

	held      map[string]*istiod.Holding // of To, by replica, just before the remote secret changed
	changed   time.Time                  // when it did
	seen      bool                       // every istiod was seen to use the present credential
	untouched bool                       // a failure left nothing of this call: it may be tried again

	endpoint secrets.Endpoint // of To, with its CA, as it goes into the remote secret
	want     wanted
	live     live
	token    secrets.Token // in use: the shared one, or the one that this call minted
}

// wanted are the objects of the link as they should be. Account, roles and bindings are nil with an existing account.
type wanted struct {
	account, role, binding  Object
	localRole, localBinding Object  // in one namespace; nil if the profile has none
	reader                  account // whom the tokens speak for
}

// account is a ServiceAccount by name.
type account struct{ namespace, name string }

func (a account) String() string { return a.namespace + "/" + a.name }

// user is what the API server calls it (k8s.io/apiserver/pkg/authentication/serviceaccount).
func (a account) user() string { return "system:serviceaccount:" + a.namespace + ":" + a.name }

// live are the objects of the link as they are; nil where there is none.
type live struct {
	account, role, binding  Object
	localRole, localBinding Object   // where they are wanted
	strays                  []Object // bindings, then roles of the link in other namespaces, where nothing wants them any more
	accountUID              string
	tokens                  []*corev1.Secret // of this link in To, every generation
	secret                  *corev1.Secret   // the remote secret in From
	adopted                 bool             // it is somebody else's, to be taken over
	abandoned               bool             // an earlier run began here and did not finish
	ref                     secrets.Ref      // of the token in it
	stale                   string           // why that token must be replaced; "" if it is good
}

// read learns all that the steps depend on. It writes nothing, so its failure leaves nothing.
func (w *work) read(ctx context.Context) *Error {
	if err := w.unanswered(); err != nil {
		return err
	}
	if w.from.Hosted {
		return nil
	}
	if err := w.plan(ctx); err != nil {
		return w.failed(StageRead, w.To.ID, err)
	}
	if w.to.err == nil {
		if err := w.readTo(ctx); err != nil {
			return w.failed(StageRead, w.To.ID, err)
		}
	}
	if w.from.err == nil {
		if err := w.readFrom(ctx); err != nil {
			return w.failed(StageRead, w.From.ID, err)
		}
	}
	if w.goal == Present || w.goal == Rotated {
		if err := w.judge(ctx); err != nil {
			return w.failed(StageRead, w.To.ID, err)
		}
		w.takeOver()
	}
	return nil
}

// unanswered is the failure of a side that does not answer. Absent makes do with the other one.
func (w *work) unanswered() *Error {
	if w.goal == Absent && (w.from.err == nil || w.to.err == nil) {
		return nil
	}
	for _, m := range []*member{w.from, w.to} {
		if m.err != nil {
			return w.failed(StageConnect, m.ID, m.err)
		}
	}
	return nil
}

// plan computes what is wanted from the options alone, and the CA by dialling.
func (w *work) plan(ctx context.Context) (err error) {
	if w.endpoint, err = w.chooseCA(ctx); err != nil {
		return at(w.To.ID, w.whose(), w.Link.endpoint(), err)
	}
	w.warnOfEndpoint()
	if w.Account != nil {
		w.want.reader = account{w.Account.Namespace, w.Account.Name}
		if w.want.reader.namespace == "" {
			w.want.reader.namespace = w.To.namespace()
		}
		return nil
	}
	return w.planReader()
}

// readTo reads the link's objects in To. One of their names in foreign hands ends the link here.
func (w *work) readTo(ctx context.Context) (err error) {
	like := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: w.want.reader.namespace, Name: w.want.reader.name}}
	if w.live.account, err = find(ctx, w.to.Objects, like); err != nil {
		return err
	}
	if w.live.account != nil {
		w.live.accountUID = string(w.live.account.GetUID())
	}
	if w.Account == nil {
		if err = w.readRoles(ctx); err != nil {
			return err
		}
	} else if w.live.account == nil && w.goal == Present {
		return fmt.Errorf("ServiceAccount %s does not exist: create it, or let each link have its own reader", w.want.reader)
	}
	w.live.tokens, err = list(ctx, w.to.Objects, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: w.want.reader.namespace}}, w.selector())
	return err
}

// readFrom looks for the link's remote secret, and for another one that already names To.
func (w *work) readFrom(ctx context.Context) error {
	remotes := w.from.remotes
	if w.again {
		var err error
		if remotes, err = w.from.readRemotes(ctx); err != nil {
			return err
		}
	}
	var foreign []*corev1.Secret
	for _, s := range remotes {
		if _, names := s.Data[w.To.ID.String()]; w.owns(s) {
			w.live.secret = s
		} else if names || s.Name == secrets.SecretName(w.To.ID.String()) {
			foreign = append(foreign, s)
		}
	}
	if w.live.secret != nil {
		_ = json.Unmarshal([]byte(w.live.secret.Annotations[AnnotationCredential]), &w.live.ref) // unreadable: the token is judged stale
	}
	if len(foreign) > 0 {
		return w.readForeign(foreign)
	}
	return nil
}

// readForeign deals with Secrets of others for the same cluster: one may be adopted, if ours is not there yet.
func (w *work) readForeign(foreign []*corev1.Secret) error {
	s := foreign[0]
	switch {
	case w.goal == Absent:
		return nil // theirs stays, whatever it names
	case w.Adopt != AdoptNone && w.goal != verified && len(foreign) == 1 && w.live.secret == nil:
		w.live.secret, w.live.adopted = s, true
		return w.adoptable(s)
	case s.Name == secrets.SecretName(w.To.ID.String()):
		return &ForeignObjectError{Object: name(s), Owner: owner(s), Adoptable: w.mayAdopt(foreign)}
	}
	return &DuplicateClusterError{Cluster: w.To.ID, Secret: line(s.Namespace + "/" + s.Name), Owner: owner(s), Adoptable: w.mayAdopt(foreign)}
}

func (w *work) warn(text string) {
	text = prose(text)
	if !slices.Contains(w.report.Warnings, text) {
		w.report.Warnings = append(w.report.Warnings, text)
	}
}
