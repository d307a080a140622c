package rbac

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	rbacv1 "k8s.io/api/rbac/v1"

	"github.com/meshpeer/meshpeer/internal/printable"
)

// DifferenceSchema is the version of the JSON form of [Difference].
const DifferenceSchema = "meshpeer.io/rbac-difference/v1"

// Difference is the access that was won and lost from one state to another, by
// meaning: how rights are spread over rules, roles and bindings does not show.
type Difference struct {
	Schema  string   `json:"schema"` // DifferenceSchema
	Changes []Change `json:"changes,omitempty"`
}

// Change is what one subject won and lost in one place. Of bare rules there is one
// Change at most, without a subject.
type Change struct {
	// Subject is as [Subject.String] writes it, such as "ServiceAccount shop/cart".
	Subject string `json:"subject,omitempty"`
	// Namespace is where the rights hold; "" is everywhere.
	Namespace string          `json:"namespace,omitempty"`
	Won       []ChangedRights `json:"won,omitempty"`
	Lost      []ChangedRights `json:"lost,omitempty"`
	// WonRoles and LostRoles are what the subject is bound to, but the policy does not
	// have. What these roles grant is unknown.
	WonRoles  []string `json:"wonRoles,omitempty"`
	LostRoles []string `json:"lostRoles,omitempty"`
}

// ChangedRights are rights that were won or lost.
type ChangedRights struct {
	rbacv1.PolicyRule `json:",inline"`
	// Dangers are the checks of [Lint] that find a way to more from what was won.
	Dangers []string `json:"dangers,omitempty"`
	// KeptIn are the namespaces in which the subject keeps what it lost everywhere.
	KeptIn []string `json:"keptIn,omitempty"`
}

// Diff compares rules: won is what [Missing] finds in before, lost what it finds in
// after. The result does not depend on the order of the rules.
func Diff(before, after []rbacv1.PolicyRule) Difference {
	c := differ{everywhere: newLinter(LintOptions{})}
	return difference([]Change{{Won: c.mark(lacking(before, after), ""), Lost: lacking(after, before)}})
}

// DiffPolicies compares what each subject of two policies may do. A subject is one
// that a binding names, with the groups that [Subject.AllGroups] adds, for who is in
// other groups is not known. A right that moves to such a group, or from a namespace
// to everywhere, is not lost. The changes are sorted by subject, each everywhere
// first.
func DiffPolicies(before, after *Policy) Difference {
	c := differ{everywhere: newLinter(LintOptions{}), inside: newLinter(LintOptions{Namespaced: true})}
	keys, namespaces := map[string]bool{}, map[string]bool{"": true}
	for _, p := range []*Policy{before, after} {
		for _, by := range []map[string]map[string][]int{p.granted, p.unknown} {
			for namespace := range by {
				namespaces[namespace] = true
				for key := range by[namespace] {
					keys[key] = true
				}
			}
		}
	}
	var changes []Change
	sorted := slices.Sorted(maps.Keys(namespaces))
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		for _, namespace := range sorted {
			if !before.names(key, namespace) && !after.names(key, namespace) {
				continue
			}
			change := Change{Subject: subjectOf(key).String(), Namespace: namespace}
			change.Won, change.WonRoles = more(before, after, key, namespace)
			change.Lost, change.LostRoles = more(after, before, key, namespace)
			change.Won = c.mark(change.Won, namespace)
			if namespace == "" {
				change.Lost = after.kept(key, change.Lost)
			}
			changes = append(changes, change)
		}
	}
	slices.SortStableFunc(changes, func(a, b Change) int { return cmp.Compare(a.Subject, b.Subject) })
	return difference(changes)
}

func difference(changes []Change) Difference {
	return Difference{Schema: DifferenceSchema, Changes: slices.DeleteFunc(changes, func(c Change) bool {
		return len(c.Won)+len(c.Lost)+len(c.WonRoles)+len(c.LostRoles) == 0
	})}
}

// differ knows which rights are dangerous.
type differ struct{ everywhere, inside *linter }

// mark names the dangers of rights that were won.
func (c differ) mark(won []ChangedRights, namespace string) []ChangedRights {
	l := c.everywhere
	if namespace != "" {
		l = c.inside
	}
	for i := range won {
		won[i].Dangers = l.dangersOf(won[i].PolicyRule)
	}
	return won
}

// more returns what a subject has by a binding of its own in one policy and lacks in the other, and which roles are not known.
func more(without, with *Policy, key, namespace string) (rights []ChangedRights, roles []string) {
	had, unknown := without.Rules(subjectOf(key), namespace), without.unknownRoles(key, namespace)
	if namespace != "" { // what is won or lost everywhere is told there
		had = append(had, with.direct(key, "")...)
		unknown = slices.Concat(unknown, without.unknownRoles(key, ""), with.unknownRoles(key, ""))
	}
	for _, role := range with.unknownRoles(key, namespace) {
		if !slices.Contains(unknown, role) && !slices.Contains(roles, role) {
			roles = append(roles, role)
		}
	}
	slices.Sort(roles)
	return lacking(had, with.direct(key, namespace)), roles
}

// lacking are the rights of rules that had lacks, sorted.
func lacking(had, rules []rbacv1.PolicyRule) (all []ChangedRights) {
	each := atoms(rules)
	slices.SortFunc(each, compareAtoms)
	var sorted []rbacv1.PolicyRule
	for _, a := range each {
		sorted = append(sorted, compact([]atom{a})...)
	}
	for _, rule := range Missing(had, sorted) {
		all = append(all, ChangedRights{PolicyRule: rule})
	}
	return all
}

func compareAtoms(a, b atom) int {
	return slices.Compare([]string{a.url, a.group, a.resource, strconv.FormatBool(a.named), a.name, a.verb}, []string{b.url, b.group, b.resource, strconv.FormatBool(b.named), b.name, b.verb})
}

// subjectOf is who has a key: see keyOf.
func subjectOf(key string) Subject {
	if group, ok := strings.CutPrefix(key, "Group "); ok {
		return Subject{Groups: []string{group}}
	}
	return Subject{User: strings.TrimPrefix(key, "User ")}
}

// direct are the rules that bindings in a namespace, or of everywhere, give to a subject under its own name.
func (p *Policy) direct(key, namespace string) (rules []rbacv1.PolicyRule) {
	for _, i := range p.granted[namespace][key] {
		rules = append(rules, p.grants[i].effective()...)
	}
	return rules
}

// names tells whether a binding there names the subject.
func (p *Policy) names(key, namespace string) bool {
	return len(p.granted[namespace][key])+len(p.unknown[namespace][key]) > 0
}

func (p *Policy) unknownRoles(key, namespace string) (roles []string) {
	for _, i := range p.unknown[namespace][key] {
		roles = append(roles, p.dangling[i].Role.String())
	}
	return roles
}

// kept splits what a subject lost everywhere by the namespaces in which it keeps that.
func (p *Policy) kept(key string, lost []ChangedRights) (split []ChangedRights) {
	for _, r := range lost {
		by := map[string][]atom{}
		for _, a := range atoms([]rbacv1.PolicyRule{r.PolicyRule}) {
			var in []string
			for _, namespace := range p.Namespaces() {
				if !a.isURL && setOf(p.Rules(subjectOf(key), namespace)).covers(a) {
					in = append(in, namespace)
				}
			}
			by[strings.Join(in, " ")] = append(by[strings.Join(in, " ")], a)
		}
		for _, in := range slices.Sorted(maps.Keys(by)) {
			for _, rule := range compact(by[in]) {
				split = append(split, ChangedRights{PolicyRule: rule, KeptIn: append([]string(nil), strings.Fields(in)...)})
			}
		}
	}
	return split
}

// Empty tells whether nothing was won or lost, as far as it is known: a role that a
// policy does not have is no reason to be sure.
func (d Difference) Empty() bool { return len(d.Changes) == 0 }

// Widens tells whether anything was won, or may have been.
func (d Difference) Widens() bool {
	return slices.ContainsFunc(d.Changes, func(c Change) bool { return len(c.Won)+len(c.WonRoles) > 0 })
}

// WriteText writes the difference for a review: under each subject a line for each
// right, "+" if it was won and "-" if it was lost. Won rights that lead to more are
// marked.
func (d Difference) WriteText(w io.Writer) error {
	var b strings.Builder
	lines := func(sign string, rights []ChangedRights, roles []string) {
		for _, r := range rights {
			text := Describe(r.PolicyRule)
			if len(r.Dangers) > 0 {
				text += " (danger: " + strings.Join(r.Dangers, ", ") + ")"
			}
			if len(r.KeptIn) > 0 {
				text += " (kept in namespace " + strings.Join(r.KeptIn, ", ") + ")"
			}
			b.WriteString(sign + " " + printable.Prose(text) + "\n")
		}
		for _, role := range roles {
			b.WriteString(sign + " " + printable.Prose("whatever "+role+" grants, which the policy does not have") + "\n")
		}
	}
	for _, c := range d.Changes {
		switch {
		case c.Namespace != "":
			b.WriteString(printable.Line(c.Subject+", in namespace "+c.Namespace) + ":\n")
		case c.Subject != "":
			b.WriteString(printable.Line(c.Subject+", everywhere") + ":\n")
		}
		lines("+", c.Won, c.WonRoles)
		lines("-", c.Lost, c.LostRoles)
	}
	if d.Empty() {
		b.WriteString("no difference\n")
	}
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("rbac: write difference: %w", err)
	}
	return nil
}
