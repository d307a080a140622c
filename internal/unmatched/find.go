package unmatched

import (
	"cmp"
	"slices"

	rbacv1 "k8s.io/api/rbac/v1"
)

// Fault is why no request matches a combination of values, one of each part.
type Fault struct {
	Part   string // whose value is at fault
	Check  string // which kind of fault it is
	Value  string // as people see it
	Reason string // what is said of the value
	Remedy string
	Source string
	// Pair says that the fault lies in this verb under resourceNames: it is reported even if other combinations of both match.
	Pair bool
}

// Report is a value that is at fault.
type Report struct {
	Part  Part
	Index int // of the value in the part
	Value string
	Rule  rbacv1.PolicyRule // what no request matches, cut out of the rule
	Fault Fault
	// Company says that the value itself is good, but fits none of the other values.
	Company bool
}

// Find reports each value of the parts with which no request matches, whatever the others are. A combination that matches
// nothing is not reported if each of its values is of use in another: "pods" and "deployments" in the groups "" and "apps"
// is how people write. The judge tells what is at fault with a combination: nothing if a request can match it. A rule
// without resourceNames has combinations of three.
func Find(rule rbacv1.PolicyRule, parts []Part, judge func(values []string) []Fault) []Report {
	f := finder{rule: Cut(rule, parts...), parts: parts}
	f.combine(judge)
	if !slices.ContainsFunc(f.all, func(c combination) bool { return len(c.faults) > 0 }) {
		return nil
	}
	f.each(func(p int, value string, on []*combination) {
		if fault, ok := common(on, f.parts[p].Name); ok {
			f.report(p, value, on, fault, false)
		}
	})
	f.each(func(p int, value string, on []*combination) {
		first := slices.IndexFunc(on, func(c *combination) bool { return !c.covered })
		if first < 0 || !allFaulty(on) {
			return
		}
		fault, ok := common(on, f.parts[p].Name) // now that the others are told of
		if !ok {
			fault = on[first].faults[0]
		}
		f.report(p, value, on, fault, !ok)
	})
	for _, verb := range unique(f.rule.Verbs) {
		on := slices.DeleteFunc(f.having(0, verb), func(c *combination) bool { return c.covered || len(c.faults) == 0 || !c.faults[0].Pair })
		if len(on) > 0 {
			f.report(0, verb, on, on[0].faults[0], false)
		}
	}
	return f.reports
}

type finder struct {
	rule    rbacv1.PolicyRule
	parts   []Part
	all     []combination
	reports []Report
}

type combination struct {
	values  []string
	faults  []Fault
	covered bool // a report tells of it
}

// combine lists all combinations, each judged.
func (f *finder) combine(judge func([]string) []Fault) {
	f.all = []combination{{}}
	for _, p := range f.parts {
		values := unique(*p.Of(&f.rule))
		if len(values) == 0 && p.Name == names.Name {
			continue // every name
		}
		var more []combination
		for _, c := range f.all {
			for _, value := range values {
				more = append(more, combination{values: append(slices.Clip(c.values), value)})
			}
		}
		f.all = more
	}
	for i := range f.all {
		f.all[i].faults = judge(f.all[i].values)
	}
}

// each calls do for each value of each part with the combinations that have it.
func (f *finder) each(do func(p int, value string, on []*combination)) {
	for p := range f.parts {
		for _, value := range unique(*f.parts[p].Of(&f.rule)) {
			if on := f.having(p, value); len(on) > 0 {
				do(p, value, on)
			}
		}
	}
}

func (f *finder) having(p int, value string) []*combination {
	var on []*combination
	for i := range f.all {
		if c := &f.all[i]; c.values[p] == value {
			on = append(on, c)
		}
	}
	return on
}

// report takes the combinations as covered, and cuts the values that they have out of the rule.
func (f *finder) report(p int, value string, on []*combination, fault Fault, company bool) {
	cut := Cut(f.rule, f.parts...)
	for at, part := range f.parts {
		*part.Of(&cut) = slices.DeleteFunc(*part.Of(&cut), func(v string) bool {
			return !slices.ContainsFunc(on, func(c *combination) bool { return at < len(c.values) && c.values[at] == v })
		})
	}
	for _, c := range on {
		c.covered = true
	}
	f.reports = append(f.reports, Report{f.parts[p], slices.Index(*f.parts[p].Of(&f.rule), value), value, cut, fault, company})
}

// common returns the fault of a part if no combination matches and the part is at fault in all of which no report tells: the
// fault that takes the least to mend.
func common(on []*combination, part string) (Fault, bool) {
	var all []Fault
	for _, c := range on {
		at := slices.IndexFunc(c.faults, func(f Fault) bool { return f.Part == part })
		if at >= 0 {
			all = append(all, c.faults[at])
		} else if !c.covered {
			return Fault{}, false
		}
	}
	if len(all) == 0 {
		return Fault{}, false
	}
	return slices.MinFunc(all, func(a, b Fault) int { return cmp.Compare(len(a.Remedy), len(b.Remedy)) }), true
}

func allFaulty(on []*combination) bool {
	return !slices.ContainsFunc(on, func(c *combination) bool { return len(c.faults) == 0 })
}

func unique(values []string) []string {
	var kept []string
	for _, value := range values {
		if !slices.Contains(kept, value) {
			kept = append(kept, value)
		}
	}
	return kept
}
