package peering

import (
	"maps"
	"slices"

	"github.com/meshpeer/meshpeer/probe"
)

// splitView is a plot of shares: per cluster the interval and the share that was counted.
type splitView struct {
	Asked string
	Text  string // all of it in words
	Rows  []splitRow
}

// splitRow is in percent of the plot's width.
type splitRow struct {
	Cluster           string
	Text              string
	Low, Width, Point float64
}

func splitViews(splits map[string]probe.Split) []splitView {
	var all []splitView
	for _, asked := range slices.Sorted(maps.Keys(splits)) {
		view := splitView{Asked: line(asked), Text: prose(splits[asked].String())}
		for _, s := range splits[asked].Shares() {
			row := splitRow{Cluster: line(s.Cluster), Text: line(s.String()), Low: rounded(100 * s.Low), Width: rounded(100 * (s.High - s.Low))}
			if s.Of > 0 {
				row.Point = rounded(100 * float64(s.Answers) / float64(s.Of))
			}
			view.Rows = append(view.Rows, row)
		}
		all = append(all, view)
	}
	return all
}
