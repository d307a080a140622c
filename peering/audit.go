package peering

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshpeer/meshpeer/internal/apply"
	"github.com/meshpeer/meshpeer/internal/kube"
	"github.com/meshpeer/meshpeer/internal/printable"
	"github.com/meshpeer/meshpeer/secrets"
)

// AuditRecord tells of one change, even if it failed or was undone.
type AuditRecord struct {
	Schema     string    `json:"schema"`
	Time       time.Time `json:"time"`
	Actor      string    `json:"actor,omitempty"` // Peering.Actor
	Run        string    `json:"run"`             // the nonce of the call, which its objects carry too
	Plan       string    `json:"plan"`            // digest of what the call set out to do
	From       ID        `json:"from"`
	To         ID        `json:"to"`
	Change               // on which cluster, which object, what
	ClusterUID string    `json:"clusterUID"`      // UID of kube-system of that cluster
	Token      string    `json:"token,omitempty"` // its fingerprint
	Error      string    `json:"error,omitempty"`
}

// AuditSink stores records, one at a time; its errors are warnings.
type AuditSink interface {
	Record(context.Context, AuditRecord) error
}

// AuditTo writes records as lines of JSON, of one call at a time.
func AuditTo(w io.Writer) AuditSink { return lineSink{json.NewEncoder(w)} }

type lineSink struct{ encoder *json.Encoder }

func (s lineSink) Record(_ context.Context, r AuditRecord) error { return s.encoder.Encode(r) }

// AuditToEvents writes records as Kubernetes Events in the istiod namespace.
func AuditToEvents(c *Cluster) AuditSink { return eventSink{c} }

// eventLimit is the longest message of an Event (Kubernetes pkg/apis/core/validation/events.go, NoteLengthLimit).
const eventLimit = 1024

type eventSink struct{ cluster *Cluster }

func (s eventSink) Record(ctx context.Context, r AuditRecord) error {
	at := metav1.NewTime(r.Time)
	kind := corev1.EventTypeNormal
	if r.Error != "" {
		kind = corev1.EventTypeWarning
	}
	_, err := s.cluster.Objects.Create(ctx, &corev1.Event{
		ObjectMeta:     metav1.ObjectMeta{Namespace: s.cluster.namespace(), GenerateName: "meshpeer-", Labels: map[string]string{LabelManagedBy: ManagedBy}},
		InvolvedObject: corev1.ObjectReference{Kind: "Namespace", Name: s.cluster.namespace(), Namespace: s.cluster.namespace(), APIVersion: "v1"},
		Type:           kind, Reason: "Peering" + string(r.Action), FirstTimestamp: at, LastTimestamp: at, Count: 1,
		Source:  corev1.EventSource{Component: manager},
		Message: printable.Within(fmt.Sprintf("%s -> %s: %s %s on %s by %q, plan %.12s %s", r.From, r.To, r.Action, r.Object, r.On, r.Actor, r.Plan, r.Error), eventLimit),
	})
	return err
}

// record tells the sink of a change. A look is not a change.
func (t *task) record(ctx context.Context, c Change, err error) {
	if t.Audit == nil || c.Action == Unchanged || c.Action == Verified || c.Action == "" {
		return
	}
	r := AuditRecord{
		Schema: AuditSchema, Time: time.Now().UTC(), Actor: t.Actor, Run: t.nonce, Plan: t.digest(),
		From: t.From.ID, To: t.To.ID, Change: c, ClusterUID: t.to.uid,
	}
	if c.On == t.From.ID {
		r.ClusterUID = t.from.uid
	}
	if c.Stage == StageMint || c.Stage == StageShare {
		r.Token = t.token.Ref().Fingerprint
	}
	if err != nil {
		r.Error = err.Error()
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoTimeout)
	defer cancel()
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.Audit.Record(ctx, r.printed()); err != nil {
		t.warn("the audit record of " + c.Object + " could not be stored: " + err.Error())
	}
}

// Credential describes a token that opens a cluster, whoever made it.
type Credential struct {
	Cluster        ID           `json:"cluster"`               // what it opens
	ServiceAccount string       `json:"serviceAccount"`        // whom it speaks for
	Kind           secrets.Kind `json:"kind,omitempty"`        // "" for one without an object: it ends only by itself
	Object         string       `json:"object,omitempty"`      // what has to be deleted to end it
	Holders        []string     `json:"holders,omitempty"`     // cluster/namespace/name of the remote secrets that hold it
	Since          time.Time    `json:"since,omitzero"`        // creation of the object
	LastUsed       string       `json:"lastUsed,omitempty"`    // day, as the API server notes it for durable tokens
	Until          time.Time    `json:"until,omitzero"`        // zero: it does not expire
	MadeBy         string       `json:"madeBy"`                // label, Helm release or field manager
	Link           string       `json:"link,omitempty"`        // "from -> to" if it is this module's
	Fingerprint    string       `json:"fingerprint,omitempty"` // first 8 hex digits of SHA-256
}

// Credentials lists what opens the clusters, as far as they answer.
func Credentials(ctx context.Context, clusters ...*Cluster) ([]Credential, error) {
	type view struct {
		tokens, remotes []*corev1.Secret
		err             error
	}
	views := make([]view, len(clusters))
	var wg sync.WaitGroup
	for i, c := range clusters {
		wg.Go(func() {
			all, err := kube.ListAs(ctx, c.Objects, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: c.namespace()}}, "")
			for _, s := range all {
				if s.Labels[secrets.LabelMultiCluster] == "true" {
					views[i].remotes = append(views[i].remotes, s)
				} else if s.Type == corev1.SecretTypeServiceAccountToken || s.Labels[LabelGeneration] != "" {
					views[i].tokens = append(views[i].tokens, s)
				}
			}
			views[i].err = err
		})
	}
	wg.Wait()
	var grants []Credential
	var failed []error
	for i, c := range clusters {
		if views[i].err != nil {
			failed = append(failed, (&Error{From: c.ID, To: c.ID, Stage: StageRead, On: c.ID, Err: views[i].err, Hint: hint(views[i].err)}).printed())
		}
		for _, s := range views[i].tokens {
			grants = append(grants, grantOf(c.ID, s))
		}
	}
	for i, c := range clusters {
		for _, s := range views[i].remotes {
			grants = hold(grants, c.ID, s)
		}
	}
	slices.SortFunc(grants, func(a, b Credential) int {
		return cmp.Or(cmp.Compare(a.Cluster.name, b.Cluster.name), cmp.Compare(a.ServiceAccount, b.ServiceAccount),
			cmp.Compare(a.Object, b.Object), cmp.Compare(a.Fingerprint, b.Fingerprint))
	})
	return each(grants, Credential.printed), errors.Join(failed...)
}

// grantOf reads a token Secret or a marker.
func grantOf(cluster ID, s *corev1.Secret) Credential {
	g := Credential{
		Cluster: cluster, Kind: secrets.KindOf(s), Object: apply.Name(s), Since: s.CreationTimestamp.UTC(), MadeBy: apply.Owner(s),
		ServiceAccount: s.Annotations[corev1.ServiceAccountNameKey], LastUsed: s.Labels["kubernetes.io/legacy-token-last-used"],
	}
	if token := s.Data[corev1.ServiceAccountTokenKey]; len(token) > 0 {
		g.Fingerprint = secrets.NewToken(string(token), time.Time{}).Ref().Fingerprint
	}
	if s.Labels[LabelManagedBy] == ManagedBy {
		g.MadeBy, g.Link = ManagedBy, s.Labels[LabelFrom]+" -> "+s.Labels[LabelTo]
	}
	return g
}

// hold adds a remote secret of cluster as the holder of the tokens in it.
func hold(grants []Credential, cluster ID, s *corev1.Secret) []Credential {
	remotes, err := secrets.Parse(s)
	if err != nil {
		return grants // istiod refuses it
	}
	for _, r := range remotes {
		claims, _ := r.Token.Claims() // an opaque token has none
		ref := r.Token.Ref()
		i := slices.IndexFunc(grants, func(g Credential) bool {
			return g.Fingerprint == ref.Fingerprint || claims.SecretName != "" && g.Cluster.name == r.Cluster && g.Object == "Secret/"+claims.Namespace+"/"+claims.SecretName
		})
		if i < 0 {
			id, err := ParseIstioID(r.Cluster)
			if err != nil {
				continue // not the ID of a cluster
			}
			grants = append(grants, Credential{Cluster: id, ServiceAccount: claims.ServiceAccount, MadeBy: apply.Owner(s), Fingerprint: ref.Fingerprint})
			i = len(grants) - 1
		}
		grants[i].Fingerprint, grants[i].Until = ref.Fingerprint, claims.Expires
		if grants[i].ServiceAccount == "" {
			grants[i].ServiceAccount = claims.ServiceAccount
		}
		grants[i].Holders = append(grants[i].Holders, cluster.String()+"/"+s.Namespace+"/"+s.Name)
	}
	return grants
}
