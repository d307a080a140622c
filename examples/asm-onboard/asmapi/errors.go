package asmapi

import (
	"errors"
	"fmt"
	"strings"
)

// Kind is what a failure says about the call and about what it asked for.
type Kind string

const (
	Throttled   Kind = "throttled"   // refused before anybody looked at it
	Unavailable Kind = "unavailable" // 5xx: it may have taken effect, or not
	NoReply     Kind = "no reply"    // or one that cannot be read: it may have taken effect, or not
	Denied      Kind = "denied"      // the caller may not do that, or is not known
	NotFound    Kind = "not found"   // ASM says that the mesh does not exist
	Refused     Kind = "refused"     // another 4xx: the same call will be refused again
	NotAsked    Kind = "not asked"   // there is no credential, or the request cannot be made
)

// Error is the failure of a call.
type Error struct {
	Action    string
	Kind      Kind
	Status    int    // of HTTP; 0 without a reply
	Code      string // of the reply; "" if it had none
	Message   string // what the server says, or what broke; it holds none of the secrets that were sent
	RequestID string // what Alibaba Cloud's support asks for
	Err       error  // the end of the context, or of the connection
}

func (e *Error) Error() string {
	text := e.Action + ": "
	switch {
	case e.Status > 0:
		text += fmt.Sprintf("%s (HTTP %d, code %q)", e.Kind, e.Status, e.Code)
	default:
		text += string(e.Kind)
	}
	if e.Message != "" {
		text += ": " + strings.TrimRight(e.Message, ".")
	}
	if e.RequestID != "" {
		text += " [request " + e.RequestID + "]"
	}
	return text
}

func (e *Error) Unwrap() error { return e.Err }

// Hint is the next step to take.
func (e *Error) Hint() string {
	switch e.Kind {
	case Throttled:
		return "the account makes too many calls: wait a minute, and run it again"
	case Unavailable:
		return "ASM has a problem of its own: run it again later; nothing that was done is lost"
	case NoReply:
		return "see that the endpoint can be reached from here, and through which proxy; then run it again"
	case Denied:
		product := "servicemesh:"
		if e.Action == userKubeconfig {
			product = "cs:"
		}
		return "see that the caller's RAM policy has " + product + e.Action + ", that the access key is right, and the machine's clock"
	case NotFound:
		return "check the instance's ID, and the account that the credential belongs to"
	case NotAsked:
		return "set ALIBABA_CLOUD_ACCESS_KEY_ID and ALIBABA_CLOUD_ACCESS_KEY_SECRET, or run `aliyun configure`, or give the machine a RAM role"
	}
	return "the reply says why: change that; the same call will be refused again"
}

// KindOf is the Kind of the *Error in err; "" if there is none.
func KindOf(err error) Kind {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	return ""
}

// kindOf judges a reply. A mesh is gone only if the reply says so in that word: 403, 500 and 503 say nothing of it.
func kindOf(status int, code string) Kind {
	denials := []string{"Forbidden", "NoPermission", "InvalidAccessKeyId", "SignatureDoesNotMatch", "IncompleteSignature", "InvalidSecurityToken"}
	switch {
	case strings.Contains(code, "Throttling"), status == 429:
		return Throttled
	case status >= 500, code == "ServiceUnavailable":
		return Unavailable
	case status == 401, status == 403:
		return Denied
	case code == "ServiceMesh.NotFound":
		return NotFound
	}
	for _, denial := range denials {
		if strings.HasPrefix(code, denial) {
			return Denied
		}
	}
	return Refused
}
