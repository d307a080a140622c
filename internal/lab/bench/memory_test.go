//go:build linux

package main

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"

	"github.com/meshpeer/meshpeer/rbac"
)

// TestLoopTakesNineCalls in the time of a bubble, where nothing but waiting takes any.
func TestLoopTakesNineCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		links, start := newMesh(4), time.Now()
		require.Len(t, links, 12)
		require.NoError(t, loop(t.Context(), links))
		require.Equal(t, callsPerLink*latency, time.Since(start), "all links at once")
	})
}

// TestEveryWayIsSlow: whatever asks an API server waits for it.
func TestEveryWayIsSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newMesh(2)[0].To
		as, err := c.As(c.Endpoint, loopToken)
		require.NoError(t, err)
		like := &corev1.Secret{}
		like.Namespace, like.Name = namespace, "none"
		for name, ask := range map[string]func(){
			"get":             func() { _, _ = c.Objects.Get(t.Context(), like) },
			"list":            func() { _, _ = c.Objects.List(t.Context(), like, "") },
			"create":          func() { _, _ = c.Objects.Create(t.Context(), like) },
			"update":          func() { _, _ = c.Objects.Update(t.Context(), like) },
			"delete":          func() { _ = c.Objects.Delete(t.Context(), like) },
			"as a bearer":     func() { _, _ = as.Get(t.Context(), like) },
			"preflight, get":  func() { _, _ = c.Checks.Reader.Get(t.Context(), like) },
			"preflight, list": func() { _, _ = c.Checks.Reader.List(t.Context(), like, "") },
			"preflight, may":  func() { _, _ = c.Checks.May(t.Context(), rbac.Access{}) },
			"preflight, ask":  func() { _, _ = c.Checks.Ask(t.Context(), "/version") },
		} {
			start := time.Now()
			ask()
			require.Equal(t, latency, time.Since(start), name)
		}
	})
}

// TestVerbs: the measure itself, on the smallest mesh. Every verb waits for something and allocates something.
func TestVerbs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		values, err := verbs(t.Context(), 2)
		require.NoError(t, err)
		for _, value := range values {
			require.Positive(t, value)
		}
	})
}

// TestExpect: a call that did something else than what is measured is no figure.
func TestExpect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		links := newMesh(2)
		values, err := ensure(t.Context(), links...)
		require.NoError(t, err)
		require.Positive(t, values[stored])
		require.GreaterOrEqual(t, values[done], values[stored])
		_, err = ensure(t.Context(), links...)
		require.EqualError(t, err, "changed is false, not true")
	})
}
