package mesh

import (
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshpeer/meshpeer/examples/controller/api/v1alpha1"
)

const (
	eventNormal  = "Normal"
	eventWarning = "Warning"
	several      = 10 // Events of one reason in one pass: more links than these share one
)

// news is what an Event is to tell of a link.
type news struct {
	pair               Pair
	kind, reason, text string
}

func (p *pass) tell(pair Pair, kind, reason, text string) {
	p.news = append(p.news, news{pair, kind, reason, text})
}

// announce sends an Event for each transition, after the status that has it was written: the next pass finds it there and is silent.
func (p *pass) announce() {
	if p.Events == nil {
		return
	}
	p.compareLinks()
	for _, c := range p.mesh.Status.Conditions {
		old := meta.FindStatusCondition(p.began.Conditions, c.Type)
		if old != nil && old.Status == c.Status && (old.Reason == c.Reason || c.Status == good[c.Type]) {
			continue
		}
		if old == nil && c.Type != v1alpha1.Ready && (c.Status == good[c.Type] || c.Status == metav1.ConditionUnknown) {
			continue // nothing turned
		}
		kind := eventNormal
		if want := good[c.Type]; want != "" && c.Status != want || want == "" && c.Status != metav1.ConditionTrue {
			kind = eventWarning
		}
		if c.Reason == ReasonProgressing {
			kind = eventNormal
		}
		p.Events.Eventf(p.mesh, nil, kind, c.Reason, actionReconcile, "%s", cut(c.Type+" is "+string(c.Status)+": "+c.Message, 1000))
	}
	slices.SortFunc(p.news, func(a, b news) int { return a.pair.compare(b.pair) })
	count := map[string]int{}
	for _, n := range p.news {
		count[n.reason]++
	}
	for _, n := range p.news {
		switch many := count[n.reason]; {
		case many < 0: // told already
		case many > several:
			count[n.reason] = -1
			p.Events.Eventf(p.mesh, nil, n.kind, n.reason, actionReconcile, "%s", cut(fmt.Sprintf("%d links, the first of them %s: %s", many, n.pair, n.text), 1000))
		default:
			p.Events.Eventf(p.mesh, nil, n.kind, n.reason, actionReconcile, "%s", cut(n.pair.String()+": "+n.text, 1000))
		}
	}
}

// compareLinks tells of links that turned from well to not well and back.
func (p *pass) compareLinks() {
	before := map[Pair]*v1alpha1.LinkStatus{}
	for i := range p.began.Links {
		l := &p.began.Links[i]
		before[Pair{l.From, l.To}] = l
	}
	for pair, l := range p.links {
		var was *v1alpha1.LinkFault
		if old := before[pair]; old != nil {
			was = worstFault(old)
		}
		is := worstFault(l)
		switch {
		case is != nil && (was == nil || was.Type != is.Type || was.Reason != is.Reason || was.Status != is.Status):
			p.tell(pair, eventWarning, is.Reason, is.Type+" is "+string(is.Status)+": "+is.Message)
		case is == nil && was != nil:
			p.tell(pair, eventNormal, reasonWell, "well again")
		}
	}
}
