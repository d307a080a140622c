package probe

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// RecordAnnotation is the annotation in which a [Scaler] keeps [Scale.Record], on the object that is scaled.
const RecordAnnotation = "meshpeer.io/scaled-to-zero"

// ErrConflict is the error of [Scaler.Write], wrapped or not, if the object was changed since it was read. Then nothing was
// written.
var ErrConflict = errors.New("the object was changed since it was read")

// Scale is the scale of a workload, such as a Deployment, with what decides whether it may be touched.
type Scale struct {
	Replicas        int    // spec.replicas
	ResourceVersion string // of the object
	Record          string // the annotation; "" if there is none
	// Autoscalers and Owners would undo a change: a HorizontalPodAutoscaler or KEDA ScaledObject that targets it; a
	// controller's owner reference, or the label, annotation or field manager of a GitOps tool such as Argo CD or Flux. Each
	// is named, e.g. "HorizontalPodAutoscaler/httpbin".
	Autoscalers, Owners []string
	// Unseen names what could not be read and may hold one of those, with the reason.
	Unseen []string
	// Notes are worth knowing before consent and change no replicas: a Helm release, a PodDisruptionBudget, a field manager
	// of spec.replicas that is not known to be a controller. Each is a sentence.
	Notes []string
}

// Scaler is a workload that can be scaled. Its methods are called by several goroutines at once.
type Scaler interface {
	// Read reads the scale.
	Read(ctx context.Context) (Scale, error)
	// Write sets replicas and record, in one patch under the resourceVersion of the scale given, so that neither can be
	// without the other. Record "" removes the annotation. Other fields are for reading only.
	Write(ctx context.Context, s Scale) error
	// Ready counts the ready endpoints of the workload's Service in its own cluster, by EndpointSlices. Terminating ones
	// that still serve are ready: proxies may use them.
	Ready(ctx context.Context) (int, error)
}

// scaleRecord is what a failover leaves on the object while it is at zero: enough for anyone to restore it.
type scaleRecord struct {
	Run      string    `json:"run"`
	Replicas int       `json:"replicas"`
	At       time.Time `json:"at"`
}

func (r scaleRecord) String() string {
	// No field of these can fail to marshal.
	text, _ := json.Marshal(r)
	return string(text)
}

func parseScaleRecord(text string) (scaleRecord, error) {
	var r scaleRecord
	if err := json.Unmarshal([]byte(text), &r); err != nil || r.Run == "" || r.Replicas <= 0 {
		return r, fmt.Errorf("annotation %s %q is not a record of a failover; scale by hand and delete the annotation", RecordAnnotation, brief(text, 200))
	}
	return r, nil
}
