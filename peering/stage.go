package peering

import "time"

// Goal is the state that a call wants for its links.
type Goal string

const (
	Present Goal = "present" // peered, with a credential that works
	Rotated Goal = "rotated" // peered, with a credential that did not exist before; the old one revoked
	Absent  Goal = "absent"  // not peered, and every credential of the link revoked
)

func (g Goal) valid() bool { return g == Present || g == Rotated || g == Absent }

// Stage is a part of the flow; the package documentation has them in order.
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

// Change says what was done to an object. It never holds the object: the object may be a credential.
type Change struct {
	Stage  Stage  `json:"stage"`
	On     ID     `json:"on"`     // the cluster that holds the object
	Object string `json:"object"` // Kind/namespace/name, or Kind/name
	Action Action `json:"action"`
	Reason string `json:"reason,omitempty"`
}

// EventSchema is the version of the JSON form of [Event].
const EventSchema = "meshpeer.io/event/v1"

// Event tells an observer that a step ended, or that one goes on waiting.
type Event struct {
	Schema string        `json:"schema"`
	Time   time.Time     `json:"time"`
	From   ID            `json:"from"`
	To     ID            `json:"to"`
	Change               // Action is empty while the step still waits
	Took   time.Duration `json:"tookNanoseconds,omitempty"`
	Error  string        `json:"error,omitempty"` // why the step failed
}
