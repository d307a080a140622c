package peering

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshpeer/meshpeer/internal/printable"
)

// AuditSchema is the version of the JSON form of [AuditRecord].
const AuditSchema = "meshpeer.io/audit/v1"

// AuditRecord says who changed what, when, and under which plan. Each change of a cluster produces one, even if it
// failed or was undone. A token is named by its fingerprint.
type AuditRecord struct {
	Schema     string    `json:"schema"`
	Time       time.Time `json:"time"`
	Actor      string    `json:"actor,omitempty"` // Peering.Actor
	Run        string    `json:"run"`             // the nonce of the call, which its objects carry too
	Plan       string    `json:"plan"`            // digest of what the call set out to do
	From       ID        `json:"from"`
	To         ID        `json:"to"`
	Change               // on which cluster, which object, what
	ClusterUID string    `json:"clusterUID"` // UID of kube-system of that cluster
	Token      string    `json:"token,omitempty"`
	Error      string    `json:"error,omitempty"`
}

// AuditSink stores records. A call uses it, and Observe, from one goroutine at a time, after each change. A record that
// cannot be stored is a warning in the report: the change has been made.
type AuditSink interface {
	Record(context.Context, AuditRecord) error
}

// AuditTo writes records as lines of JSON. One sink is for one call at a time.
func AuditTo(w io.Writer) AuditSink { return lineSink{json.NewEncoder(w)} }

type lineSink struct{ encoder *json.Encoder }

func (s lineSink) Record(_ context.Context, r AuditRecord) error { return s.encoder.Encode(r) }

// AuditToEvents writes records as Kubernetes Events in the istiod namespace of the cluster: `kubectl get events` shows
// them. Each is one write there.
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
