package asmtest

import (
	"fmt"
	"net/http"
)

// Failure is a way in which a call fails.
type Failure string

const (
	Throttling       Failure = "Throttling.User"          // nothing was done
	RejectedThrottle Failure = "Rejected.Throttling"      // nothing was done
	Unavailable      Failure = "503 ServiceUnavailable"   // nothing was done
	UnavailableLate  Failure = "503, yet it took effect"  // as a gateway answers whose backend is slow
	Broken           Failure = "500"                      // nothing was done
	Forbidden        Failure = "403"                      // nothing was done
	NoSuchMesh       Failure = "404 ServiceMesh.NotFound" // nothing was done
	LostRequest      Failure = "connection closed before" // nothing was done
	LostReply        Failure = "connection closed after"  // it took effect
	NoJSON           Failure = "502 HTML page"            // nothing was done
	Forgotten        Failure = "200, and nothing was done"
	Quoting          Failure = "400 quoting the request" // nothing was done; the message holds what was sent, a kubeconfig, too
)

// Failures are all of them.
func Failures() []Failure {
	return []Failure{Throttling, RejectedThrottle, Unavailable, UnavailableLate, Broken, Forbidden, NoSuchMesh, LostRequest, LostReply, NoJSON, Forgotten, Quoting}
}

// Fault makes calls fail.
type Fault struct {
	Action  string // "" is any
	Failure Failure
	Times   int // Default 1; Always
	hits    int
}

// Always is Fault.Times without an end.
const Always = -1

// Inject adds a fault. Of several, the first that fits the call and has hits left is taken.
func (s *Server) Inject(f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f.Times == 0 {
		f.Times = 1
	}
	s.faults = append(s.faults, &f)
}

// Heal ends all faults.
func (s *Server) Heal() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = nil
}

// Hits is how many calls have failed by injected faults: a test asks, or it passes when its fault hit nobody.
func (s *Server) Hits() (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range s.faults {
		n += f.hits
	}
	return n
}

func (s *Server) fault(action string) Failure {
	for _, f := range s.faults {
		if (f.Action == "" || f.Action == action) && (f.Times == Always || f.hits < f.Times) {
			f.hits++
			return f.Failure
		}
	}
	return ""
}

// tookEffect says whether the call is carried out.
func (f Failure) tookEffect() bool { return f == LostReply || f == UnavailableLate || f == "" }

// answer writes the failure.
func (f Failure) answer(w http.ResponseWriter, call Call) {
	switch f {
	case Quoting:
		refuse(w, http.StatusBadRequest, "Invented.BadRequest", fmt.Sprintf("what is this: %v %v", call.Query, call.Body))
	case LostRequest, LostReply:
		panic(http.ErrAbortHandler)
	case NoJSON:
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(http.StatusBadGateway)
		_, _ = w.Write([]byte("<html>Bad Gateway</html>"))
	case Forgotten:
		send(w, http.StatusOK, object{"RequestId": requestID(), "Code": "200"})
	case Throttling:
		refuse(w, http.StatusBadRequest, "Throttling.User", "Request was denied due to user flow control.")
	case RejectedThrottle:
		refuse(w, http.StatusServiceUnavailable, "Rejected.Throttling", "Request was denied due to flow control.")
	case Unavailable, UnavailableLate:
		refuse(w, http.StatusServiceUnavailable, "ServiceUnavailable", "The request has failed due to a temporary failure of the server.")
	case Broken:
		refuse(w, http.StatusInternalServerError, "Invented.InternalError", "something broke")
	case Forbidden:
		refuse(w, http.StatusForbidden, "Invented.Forbidden", "the caller may not do that")
	case NoSuchMesh:
		refuse(w, http.StatusNotFound, "ServiceMesh.NotFound", "the mesh does not exist")
	}
}
