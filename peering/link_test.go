package peering_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/peering/peeringtest"
)

func TestTopologies(t *testing.T) {
	c := peeringtest.NewMesh("hub", "a", "b").Clusters()
	for name, tt := range map[string]struct {
		links []peering.Link
		want  []string
	}{
		"mesh":          {peering.Mesh(c...), []string{"hub -> a", "hub -> b", "a -> hub", "a -> b", "b -> hub", "b -> a"}},
		"mesh of one":   {peering.Mesh(c[0]), nil},
		"star":          {peering.Star(c[0], c[1:]...), []string{"hub -> a", "a -> hub", "hub -> b", "b -> hub"}},
		"star of a hub": {peering.Star(c[0]), nil},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, l := range tt.links {
				got = append(got, l.String())
			}
			require.Equal(t, tt.want, got)
		})
	}
}
