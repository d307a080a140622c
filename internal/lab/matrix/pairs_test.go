//go:build linux

package matrix_test

import (
	"testing"

	"github.com/meshpeer/meshpeer/internal/lab"
	"github.com/meshpeer/meshpeer/internal/lab/labtest"
	"github.com/meshpeer/meshpeer/peering"
)

// TestPairs peers a cluster of each older version with one of the lab's own.
func TestPairs(t *testing.T) {
	newer := lab.Releases()[len(lab.Releases())-1]
	for _, old := range older() {
		t.Run(old.Name, func(t *testing.T) {
			w := inhabited(t, old, newer)
			links := peering.Mesh(w.clusters...)
			p := w.peering()
			row := old.Name + " and " + newer.Name
			report, err := p.Ensure(t.Context(), links...)
			labtest.Passed(t, report, err)
			for _, c := range []struct {
				column string
				link   peering.Link
				reader lab.Release
			}{{"the older reads the newer", links[0], old}, {"the newer reads the older", links[1], newer}} {
				see(t, titlePairs, row, c.column, func(t *testing.T) string {
					report, err := p.Verify(t.Context(), c.link)
					labtest.Passed(t, report, err)
					return "verified; rotated " + w.underTraffic(t, c.reader, c.link, func() (*peering.Report, error) { return p.Rotate(t.Context(), c.link) })
				})
			}
			see(t, titlePairs, row, "remove", func(t *testing.T) string {
				report, err := p.Remove(t.Context(), links...)
				labtest.Passed(t, report, err)
				return "both gone"
			})
		})
	}
}
