//go:build linux

package clusters

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/meshpeer/meshpeer/internal/lab/build"
	"github.com/meshpeer/meshpeer/internal/lab/enter"
)

func TestRevisionsAreChecked(t *testing.T) {
	ok := Options{Clusters: []ClusterOptions{{ID: "a", Istio: "1.29", Istiods: 2, Revisions: []Revision{{Name: "canary"}, {Name: "x", Istio: "1.31", Istiods: 2}}}}}
	_, err := ok.complete()
	require.NoError(t, err)
	for want, c := range map[string]ClusterOptions{
		`lab: Clusters[0].Istio: no Istio "9": there are `:              {Istio: "9"},
		`lab: Clusters[0].Revisions[0].Istio: no Istio "9": there are `: {Revisions: []Revision{{Name: "canary", Istio: "9"}}},
		`lab: Clusters[0].Revisions[0].Name "default": must be`:         {Revisions: []Revision{{Name: "default"}}},
		`lab: Clusters[0].Revisions[0].Name "": must be`:                {Revisions: []Revision{{}}},
		`lab: Clusters[0].Revisions[1].Name "x": must be`:               {Revisions: []Revision{{Name: "x"}, {Name: "x"}}},
		`lab: Clusters[0].Revisions[0]: a cluster that is Hosted`:       {Hosted: true, Revisions: []Revision{{Name: "x"}}},
		`lab: Clusters[0].Revisions[0]: a cluster that is Hosted, or`:   {NoIstiod: true, Revisions: []Revision{{Name: "x"}}},
		`lab: Clusters[0].Revisions[0].Istiods -1: must not be`:         {Revisions: []Revision{{Name: "x", Istiods: -1}}},
		`lab: Clusters[0].Revisions[0].Istiods 9: must not be`:          {Revisions: []Revision{{Name: "x", Istiods: 9}}},
	} {
		c.ID = "a"
		_, err := Options{Clusters: []ClusterOptions{c}}.complete()
		require.ErrorContains(t, err, want)
	}
}

// The custom resources are those of the newest version, wherever it is named.
func TestNewest(t *testing.T) {
	of := func(name string) *revision {
		r, err := build.FindRelease(name)
		require.NoError(t, err)
		return &revision{istio: enter.Installed{Release: r}}
	}
	for _, names := range [][]string{{"1.29.1", "1.31"}, {"1.31", "1.29.1"}, {"1.29.1", "1.31", "1.29.1"}} {
		c := &Cluster{}
		for _, name := range names {
			c.revisions = append(c.revisions, of(name))
		}
		require.Equal(t, "1.31", c.newest().Name, names)
	}
}
