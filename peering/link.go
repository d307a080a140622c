package peering

import (
	"fmt"
	"maps"
	"regexp"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/meshpeer/meshpeer/internal/names"
	"github.com/meshpeer/meshpeer/internal/printable"
	"github.com/meshpeer/meshpeer/secrets"
)

// Link is one direction of peering: workloads of From reach services of To.
type Link struct {
	From, To *Cluster
	Endpoint *secrets.Endpoint // To's API server as From's istiod reaches it; nil: To's own; without CA one is chosen by dialling
}

func (l Link) String() string { return l.From.ID.String() + " -> " + l.To.ID.String() }

// endpoint is the address that goes into the remote secret.
func (l Link) endpoint() secrets.Endpoint {
	if l.Endpoint != nil {
		return *l.Endpoint
	}
	return l.To.Endpoint
}

// Mesh returns a link for every ordered pair of the clusters.
func Mesh(clusters ...*Cluster) []Link {
	var links []Link
	for _, from := range clusters {
		for _, to := range clusters {
			if from != to {
				links = append(links, Link{From: from, To: to})
			}
		}
	}
	return links
}

// Star returns both directions between a hub, such as a leaver, and members.
func Star(hub *Cluster, members ...*Cluster) []Link {
	var links []Link
	for _, m := range members {
		links = append(links, Link{From: hub, To: m}, Link{From: m, To: hub})
	}
	return links
}

// ID is what istiod calls its cluster: env CLUSTER_ID, chart value
// global.multiCluster.clusterName, ACK cluster ID.
type ID struct{ name string }

func (id ID) String() string { return id.name }

func (id ID) MarshalText() ([]byte, error) { return []byte(id.name), nil }

func (id *ID) UnmarshalText(text []byte) (err error) {
	if len(text) == 0 {
		*id = ID{}
		return nil
	}
	*id, err = ParseIstioID(string(text))
	return err
}

// ParseID accepts a DNS-1123 label, as ACK cluster IDs are.
func ParseID(s string) (ID, error) {
	if problems := validation.IsDNS1123Label(s); len(problems) > 0 {
		return ID{}, fmt.Errorf("peering: cluster ID \"%s\": %s; use the ID that the cluster's proxies carry in "+
			"ISTIO_META_CLUSTER_ID, and ParseIstioID if that one is not a DNS label", printable.Value(s), problems[0])
	}
	return ID{s}, nil
}

// istioID is what both a data key of a Secret, which istiod takes for the cluster ID, and a label value can be
// (k8s.io/apimachinery/pkg/util/validation: IsConfigMapKey, IsValidLabelValue).
var istioID = regexp.MustCompile(`^[a-zA-Z0-9]([-._a-zA-Z0-9]{0,61}[a-zA-Z0-9])?$`)

// ParseIstioID accepts every label value, as Istio's default "Kubernetes" is.
func ParseIstioID(s string) (ID, error) {
	if !istioID.MatchString(s) {
		return ID{}, fmt.Errorf("peering: cluster ID \"%s\": must be 1 to 63 of the characters a-z A-Z 0-9 '-' '_' '.', "+
			"with a letter or digit at both ends; use the ID that the cluster's proxies carry in ISTIO_META_CLUSTER_ID", printable.Value(s))
	}
	return ID{s}, nil
}

// constant is satisfied by untyped string constants only: MustID of a variable does not compile outside this package.
type constant string

// MustID is [ParseID] for constants in source code; it panics where that fails.
func MustID(s constant) ID {
	id, err := ParseID(string(s))
	if err != nil {
		panic(err)
	}
	return id
}

// Labels and annotations of what this package makes; all else is left alone.
const (
	LabelManagedBy       = "app.kubernetes.io/managed-by" // ManagedBy
	LabelFrom            = "meshpeer.io/from"             // the link's From
	LabelTo              = "meshpeer.io/to"               // the link's To
	LabelGeneration      = "meshpeer.io/generation"       // of a token, counting from 1
	ManagedBy            = "meshpeer"
	AnnotationCredential = "meshpeer.io/credential"  // of a remote secret: the secrets.Ref of the token in it, as JSON
	AnnotationRun        = "meshpeer.io/run"         // nonce of the call: after a lost reply it tells whose write won
	AnnotationLocalRoles = "meshpeer.io/local-roles" // of a ClusterRole: namespaces, joined by commas, with Roles of the link besides
)

// Versions of the JSON forms of [Plan], [Report], [Event] and [AuditRecord].
const (
	PlanSchema   = "meshpeer.io/plan/v1"
	ReportSchema = "meshpeer.io/report/v1"
	EventSchema  = "meshpeer.io/event/v1"
	AuditSchema  = "meshpeer.io/audit/v1"
)

// reader is the name of the link's ServiceAccount, roles and bindings in To: it tells To's audit log which cluster reads.
func (l Link) reader() string { return "meshpeer-reader-" + safeName(l.From.ID) }

// safeName is the ID as it can stand in the name of an object: itself, or a label with a hash.
func safeName(id ID) string {
	return names.Label(id.String())
}

func (l Link) labels() map[string]string {
	return map[string]string{LabelManagedBy: ManagedBy, LabelFrom: l.From.ID.String(), LabelTo: l.To.ID.String()}
}

func (l Link) selector() string {
	return fmt.Sprintf("%s=%s,%s=%s,%s=%s", LabelManagedBy, ManagedBy, LabelFrom, l.From.ID, LabelTo, l.To.ID)
}

func generationLabels(l Link, generation int) map[string]string {
	labels := maps.Clone(l.labels())
	labels[LabelGeneration] = strconv.Itoa(generation)
	return labels
}

// generation of a token object; 0 if its label is missing or not a number.
func generation(s *corev1.Secret) int {
	n, _ := strconv.Atoi(s.Labels[LabelGeneration])
	return n
}

// Goal is the state that a call wants for its links.
type Goal string

const (
	Present Goal = "present" // peered, with a credential that works
	Rotated Goal = "rotated" // peered, with a credential that did not exist before; the old one revoked
	Absent  Goal = "absent"  // not peered, and every credential of the link revoked
)

func (g Goal) valid() bool { return g == Present || g == Rotated || g == Absent }

// Stage is a part of the flow.
type Stage string

const (
	StageConnect   Stage = "connect"   // reach an API server and learn which cluster it is
	StageRead      Stage = "read"      // read what is there, before anything is written
	StagePreflight Stage = "preflight" // report what would not work, before anything is written
	StageGrant     Stage = "grant"     // account, role and binding in To
	StageMint      Stage = "mint"      // a token in To, proved to work
	StageShare     Stage = "share"     // the remote secret in From
	StageSync      Stage = "sync"      // every istiod of From reads To
	StageProbe     Stage = "probe"     // workloads of From reach services of To
	StageRevoke    Stage = "revoke"    // credentials that are no longer wanted
)

// Action is what a step does to its object.
type Action string

const (
	Unchanged Action = "unchanged"
	Created   Action = "created"
	Updated   Action = "updated"
	Recreated Action = "recreated" // deleted and created: what differs is immutable
	Deleted   Action = "deleted"
	Revoked   Action = "revoked" // deleted, and with it a credential ends
	Adopted   Action = "adopted" // taken over in place from whoever made it
	Restarted Action = "restarted"
	Restored  Action = "restored" // undone: as it was before the call
	Verified  Action = "verified" // looked at, nothing written
)

// Change says what was done to an object.
type Change struct {
	Stage  Stage  `json:"stage"`
	On     ID     `json:"on"`     // the cluster that holds the object
	Object string `json:"object"` // Kind/namespace/name, or Kind/name
	Action Action `json:"action"`
	Reason string `json:"reason,omitempty"`
}

// Event tells that a step ended, or that one goes on waiting.
type Event struct {
	Schema string        `json:"schema"`
	Time   time.Time     `json:"time"`
	From   ID            `json:"from"`
	To     ID            `json:"to"`
	Change               // Action is empty while the step still waits
	Took   time.Duration `json:"tookNanoseconds,omitempty"`
	Error  string        `json:"error,omitempty"` // why the step failed
}
