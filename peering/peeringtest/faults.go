package peeringtest

import (
	"fmt"
	"sync"
	"time"

	"github.com/meshpeer/meshpeer/peering"
)

// Always is Fault.Times without an end.
const Always = -1

// Fault makes calls of a Server fail. The zero value lets the next call find its connection reset before the server saw it.
type Fault struct {
	// Match chooses the calls that count; nil: all of them, over verbs and kinds. It must not call the Server. Verbs are get,
	// list, create, update, delete, "create token" (a TokenRequest) and exec; reviews are creates.
	Match func(verb string, o peering.Object) bool
	// Call is the number of the first one that fails among those that count, from 1 and from the Inject on. Default 1.
	Call int
	// Times is how many fail from there on. Default 1; Always is all.
	Times int
	// Failure is what the caller gets. Default Reset.
	Failure Failure
	// Answer is what the caller gets in place of an error of Failure; a nil error lets the call through after Delay.
	// Whether the call takes effect is Failure's matter still.
	Answer func(Call) error
	// Delay is how long the server takes for it, within the caller's context.
	Delay time.Duration
}

// Injected is a Fault at work.
type Injected struct {
	fault Fault
	owner *faults

	seen int    // calls that count
	hits []Call // of them, those that failed
}

// Inject lets calls fail, once per call: of several faults that match, the one injected first counts.
//
//	fault := member.Inject(peeringtest.Fault{Match: peeringtest.On("update", "Secret"), Failure: peeringtest.LostReply})
//	...
//	require.NotEmpty(t, fault.Hits())
func (s *Server) Inject(f Fault) *Injected {
	if f.Failure != "" && f.Failure.known() == nil {
		panic(fmt.Sprintf("peeringtest: Fault.Failure %q is none of Failures()", f.Failure))
	}
	i := &Injected{fault: f, owner: &s.faults}
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.all = append(s.faults.all, i)
	return i
}

// Hits are the calls that failed so far. A test asks for them, or it passes when its fault hit nobody.
func (i *Injected) Hits() []Call {
	i.owner.mu.Lock()
	defer i.owner.mu.Unlock()
	return append([]Call(nil), i.hits...)
}

// Heal ends the fault.
func (i *Injected) Heal() {
	i.owner.mu.Lock()
	defer i.owner.mu.Unlock()
	for n, other := range i.owner.all {
		if other == i {
			i.owner.all = append(i.owner.all[:n:n], i.owner.all[n+1:]...)
			return
		}
	}
}

// On matches calls of a verb and kind; "" is any.
func On(verb, kind string) func(string, peering.Object) bool {
	return func(v string, o peering.Object) bool {
		return (verb == "" || v == verb) && (kind == "" || key(o).kind == kind)
	}
}

// OnWrites matches calls that change stored objects, as Call.Write does: with Fault.Call each write of a program in turn.
func OnWrites() func(string, peering.Object) bool {
	return func(verb string, o peering.Object) bool { return Call{Verb: verb, Kind: key(o).kind}.Write() }
}

// faults of a server, in the order in which they were injected.
type faults struct {
	mu  sync.Mutex
	all []*Injected
}

// sentence is what becomes of one call.
type sentence struct {
	lost  bool // it takes effect first
	delay time.Duration
	err   func(Call) error // nil: nothing happens to it
}

func (s sentence) answer(c Call) error {
	if s.err == nil {
		return nil
	}
	return s.err(c)
}

// next counts a call at every fault that it matches.
func (f *faults) next(verb string, o peering.Object) (s sentence) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, i := range f.all {
		if i.fault.Match != nil && !i.fault.Match(verb, o) {
			continue
		}
		i.seen++
		first, times := max(i.fault.Call, 1), i.fault.Times
		if times == 0 {
			times = 1
		}
		if i.seen < first || times != Always && i.seen >= first+times || s.err != nil {
			continue
		}
		failure := i.fault.Failure
		if failure == "" {
			failure = Reset
		}
		known := failure.known()
		s = sentence{lost: known.lost, delay: i.fault.Delay, err: i.fault.Answer}
		if s.err == nil {
			s.err = func(c Call) error { return known.err(c, o) }
		}
		i.hits = append(i.hits, Call{
			Verb: verb, Kind: key(o).kind, Namespace: o.GetNamespace(), Name: o.GetName(),
		})
	}
	return s
}
