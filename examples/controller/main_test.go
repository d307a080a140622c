package main

import (
	"bytes"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/meshpeer/meshpeer/peering/preflight"
	"github.com/meshpeer/meshpeer/rbac"
)

func TestFlags(t *testing.T) {
	o, err := parse([]string{"-leader-namespace=x", "-tolerate=a,b"}, new(bytes.Buffer))
	require.NoError(t, err)
	require.Equal(t, options{
		leaderNamespace: "x", metrics: ":8080", health: ":8081", lease: 15 * time.Second, fence: 90 * time.Second, sourceEvery: time.Minute, retryAfter: time.Minute, lockTimeout: 30 * time.Second,
		profile: rbac.Minimal, flavour: preflight.Upstream, tolerate: []string{"a", "b"},
	}, o)
	for want, args := range map[string][]string{
		"unexpected argument mesh":  {"-leader-namespace=x", "mesh"},
		"name the namespace":        {},
		"at least 1s":               {"-leader-namespace=x", "-source-every=0"},
		"-flavour is asm or":        {"-leader-namespace=x", "-flavour=linkerd"},
		"flag provided but not def": {"-wrong"},
		"profile":                   {"-leader-namespace=x", "-reader-profile=root"},
	} {
		_, err := parse(args, new(bytes.Buffer))
		require.ErrorContains(t, err, want)
	}
	_, err = parse([]string{"-observe"}, new(bytes.Buffer))
	require.NoError(t, err, "which takes no Lease of a cluster")
}
