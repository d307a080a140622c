package peering

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/meshpeer/meshpeer/probe"
)

// htmlPage is what the template shows, in its order.
type htmlPage struct {
	*Report
	Title    string
	Made     time.Time
	Counts   []count
	Picture  picture
	Links    []linkView
	Splits   []splitView
	Warnings []clusterWarnings
}

type count struct {
	Status probe.Status
	N      int
}

type clusterWarnings struct {
	Cluster string
	Texts   []string
}

// linkView is a link with what the template cannot compute.
type linkView struct {
	LinkReport
	Anchor    string
	Diagnosis string // in the overview: what the link suffers from most
	Rungs     []rung
}

func (r *Report) page(o HTMLOptions) htmlPage {
	p := htmlPage{Report: r, Title: line(o.Title), Made: o.Made, Picture: r.picture(o.Hosted), Splits: splitViews(o.Splits)}
	if p.Title == "" {
		p.Title = fmt.Sprintf("Peering of %d clusters", len(p.Picture.Nodes))
	}
	for _, s := range []probe.Status{probe.Failed, probe.Unknown, probe.Warned, probe.Passed, probe.Skipped} {
		n := 0
		for _, l := range r.Links {
			if l.verdict() == s {
				n++
			}
		}
		if n > 0 {
			p.Counts = append(p.Counts, count{s, n})
		}
	}
	longest := r.longest()
	for i, l := range r.Links {
		l.Status = l.verdict()
		p.Links = append(p.Links, linkView{l, fmt.Sprintf("link-%d", i+1), l.diagnosis(), l.rungs(longest)})
	}
	for _, cluster := range slices.Sorted(maps.Keys(r.Warnings)) {
		p.Warnings = append(p.Warnings, clusterWarnings{cluster, r.Warnings[cluster]})
	}
	return p
}

// diagnosis is the link's error, or else the first of its gravest results; "" for a link that passed.
func (l LinkReport) diagnosis() string {
	if l.Error != nil {
		return fmt.Sprintf("%s on %s: %s", l.Error.Stage, l.Error.On, l.Error.cause())
	}
	for _, s := range []probe.Status{probe.Failed, probe.Unknown, probe.Warned} {
		for _, r := range l.Results {
			if r.Status == s {
				return colon(r.Check, r.Summary)
			}
		}
	}
	switch {
	case len(l.Left) > 0:
		return "left behind: " + l.Left[0].Object
	case len(l.Warnings) > 0:
		return l.Warnings[0]
	}
	return ""
}
