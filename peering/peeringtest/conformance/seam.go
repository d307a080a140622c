package conformance

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/peering/istiod"
	"github.com/meshpeer/meshpeer/peering/traffic"
	"github.com/meshpeer/meshpeer/probe"
)

// seam notes what is asked of a Side. If it is dead, nothing is answered.
type seam struct {
	dead bool

	mu    sync.Mutex
	asked []string
}

// errDead is a failure that is no verdict: neither the reader's rights nor the object are to blame.
var errDead = errors.New("conformance: nothing answers here")

func (s *seam) ask(what string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, what)
	if s.dead {
		return errDead
	}
	return nil
}

func (s *seam) list() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Compact(slices.Sorted(slices.Values(s.asked)))
}

// of is the side with the seam in front of it.
func (s *seam) of(side traffic.Side) traffic.Side {
	side.Objects = seamObjects{s, side.Objects}
	if replicas := side.Replicas; replicas != nil {
		side.Replicas = func(ctx context.Context) ([]istiod.Replica, error) {
			if err := s.ask("replicas"); err != nil {
				return nil, err
			}
			return replicas(ctx)
		}
	}
	if exec := side.Exec; exec != nil {
		side.Exec = func(namespace, pod, container string) probe.Executor {
			in := exec(namespace, pod, container)
			return probe.ExecutorFunc(func(ctx context.Context, c probe.Command) (probe.Output, error) {
				if err := s.ask("exec"); err != nil {
					return probe.Output{}, err
				}
				return in.Exec(ctx, c)
			})
		}
	}
	return side
}

type seamObjects struct {
	*seam
	behind traffic.Objects
}

func (s seamObjects) Get(ctx context.Context, o peering.Object) (peering.Object, error) {
	if err := s.ask("get"); err != nil {
		return nil, err
	}
	return s.behind.Get(ctx, o)
}

func (s seamObjects) List(ctx context.Context, like peering.Object, selector string) ([]peering.Object, error) {
	if err := s.ask("list"); err != nil {
		return nil, err
	}
	return s.behind.List(ctx, like, selector)
}

func (s seamObjects) Update(ctx context.Context, o peering.Object) (peering.Object, error) {
	if err := s.ask("update"); err != nil {
		return nil, err
	}
	return s.behind.Update(ctx, o)
}
