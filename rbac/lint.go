package rbac

import (
	"fmt"
	"io"
	"slices"
	"strings"

	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshpeer/meshpeer/internal/danger"
	"github.com/meshpeer/meshpeer/internal/printable"
)

// FindingSchema is the version of the JSON form of [Finding].
const FindingSchema = "meshpeer.io/rbac-finding/v1"

// Severity says what a [Finding] means for who wrote the rule. All severities are
// engineering judgement.
type Severity string

const (
	SeverityBroken  Severity = "broken"  // an API server refuses it, or it grants nothing as it is written
	SeverityDanger  Severity = "danger"  // leads to more rights than it names
	SeverityCaution Severity = "caution" // grants more or less than it seems to
	SeverityNotice  Severity = "notice"  // without effect, or with one that few know
)

// Finding is what [Lint] says about a part of a rule, or about an object of a
// [Policy].
type Finding struct {
	Schema   string   `json:"schema"` // FindingSchema
	Check    string   `json:"check"`  // such as "never-matches"; stable
	Severity Severity `json:"severity"`
	// Object is the role or binding, such as "Role shop/cart"; "" for bare rules.
	Object string `json:"object,omitempty"`
	// Field is the part at issue, such as "rules[2].verbs[0]".
	Field string `json:"field,omitempty"`
	// Rights are what the finding is about, cut out of the rule.
	Rights []rbacv1.PolicyRule `json:"rights,omitempty"`
	Why    string              `json:"why"`
	Remedy string              `json:"remedy"`
	// Source is where the fact can be read: a page, or a path in a repository.
	Source string `json:"source"`
}

// String returns the finding on one line.
func (f Finding) String() string {
	where := strings.TrimSpace(f.Object + " " + f.Field)
	return printable.Prose(fmt.Sprintf("%s %s %s: %s; %s", f.Severity, f.Check, where, f.Why, f.Remedy))
}

// LintOptions are what [Lint] knows beside the rules. The zero value is nothing.
type LintOptions struct {
	// Namespaced says that the rules hold in namespaces only: they are of a Role, or
	// of a ClusterRole that only RoleBindings refer to. A Policy knows it of its roles
	// itself.
	Namespaced bool

	// Discovery is what the cluster serves, in all groups and versions and with the
	// subresources: what ServerGroupsAndResources of client-go's discovery client
	// returns without an error. A group that is left out counts as not served. With
	// nil, the resources of Kubernetes 1.19 to 1.36 count, and whatever another group
	// may have (see [Access.Validate]).
	Discovery []*metav1.APIResourceList
}

// Lint looks for rules that are not what their author meant, in the order of the
// rules. There are rights that no request can match, and rights that lead to more
// than they name. The checks:
//
//   - refused: an API server does not store the rule.
//   - never-matches, cluster-scoped, not-served, without-effect: no request matches
//     the rights. That is so as far as the resources are known (see LintOptions).
//   - create-by-name, list-by-name, name-pattern: resourceNames that do not do what
//     they seem to.
//   - covered: the rights are granted by wider ones too.
//   - all-rights, star, and a check for each way to more rights: bind, csr-approve,
//     escalate, impersonate, namespaces-write, nodes-proxy, persistentvolumes-create,
//     pods-create, pods-exec, pods-portforward, secrets-read, token-create and
//     webhooks-write. Only rights that a request can match count. Those under
//     resourceNames do not, except where one object is all that it takes.
//
// The rules of an aggregated ClusterRole are empty until they are resolved (see
// [RulesOf]).
func Lint(rules []rbacv1.PolicyRule, o LintOptions) []Finding {
	l := newLinter(o)
	l.lint(rules)
	return l.findings
}

// linter looks at the rules of one role after another.
type linter struct {
	matcher    *matcher
	all        []danger.Danger
	namespaced bool   // where the rules hold
	perhaps    bool   // which is so as far as the policy tells
	object     string // whose rules these are
	findings   []Finding
}

func newLinter(o LintOptions) *linter {
	return &linter{matcher: newMatcher(o.Discovery), all: danger.All(), namespaced: o.Namespaced}
}

func (l *linter) add(f Finding) {
	f.Schema, f.Object = FindingSchema, printable.Line(l.object)
	f.Why, f.Remedy = printable.Prose(f.Why), printable.Prose(f.Remedy)
	if f.Check == "cluster-scoped" && l.perhaps {
		f.Severity = SeverityCaution // another binding may be elsewhere
	}
	l.findings = append(l.findings, f)
}

func (l *linter) lint(rules []rbacv1.PolicyRule) {
	redundant := redundant(rules)
	for i, rule := range rules {
		l.refused(i, rule)
		l.unmatched(i, rule)
		l.names(i, rule)
		l.dangers(i, rule)
		l.repeated(i, rule)
		if why, ok := redundant[i]; ok {
			l.add(Finding{
				Check: "covered", Severity: SeverityNotice, Field: fmt.Sprintf("rules[%d]", i),
				Rights: []rbacv1.PolicyRule{*rule.DeepCopy()}, Why: why, Remedy: "remove the rule", Source: coveredSource,
			})
		}
	}
}

// everything is what cluster-admin has on resources.
var everything = policy(of("*"), of("*"), of("*"))

// dangers tells which rights of a rule lead to more. A rule for everything is one finding.
func (l *linter) dangers(i int, rule rbacv1.PolicyRule) {
	at := fmt.Sprintf("rules[%d]", i)
	if len(Missing([]rbacv1.PolicyRule{rule}, []rbacv1.PolicyRule{everything})) == 0 {
		l.add(Finding{
			Check: "all-rights", Severity: SeverityDanger, Field: at, Rights: []rbacv1.PolicyRule{*everything.DeepCopy()},
			Why: "it is every right on every resource, those of the future too", Remedy: "list what is needed", Source: danger.GoodPractices + "least-privilege",
		})
		return
	}
	for _, d := range l.all {
		if rights := l.dangerous(d, rule); len(rights) > 0 {
			f := Finding{Check: d.Check, Severity: SeverityDanger, Field: at, Rights: rights, Why: d.Why, Remedy: d.Remedy, Source: d.Source}
			if d.Small {
				f.Severity = SeverityCaution
			}
			l.add(f)
		}
	}
	var stars []string
	for _, field := range []struct {
		name   string
		values []string
		beside []string // what a right needs of the rule too
	}{
		{"verbs", rule.Verbs, slices.Concat(rule.Resources, rule.NonResourceURLs)},
		{"apiGroups", rule.APIGroups, rule.Resources},
		{"resources", rule.Resources, rule.APIGroups},
		{"nonResourceURLs", rule.NonResourceURLs, rule.Verbs},
	} {
		if len(field.beside) > 0 && slices.Contains(field.values, "*") {
			stars = append(stars, field.name)
		}
	}
	if len(stars) > 0 {
		l.add(Finding{
			Check: "star", Severity: SeverityCaution, Field: at, Rights: []rbacv1.PolicyRule{*rule.DeepCopy()},
			Why: "a star in " + strings.Join(stars, " and ") + " also stands for what comes later", Remedy: "list what is needed", Source: danger.GoodPractices + "least-privilege",
		})
	}
}

// dangerous are the rights of a danger that the rule grants and that a request can match.
func (l *linter) dangerous(d danger.Danger, rule rbacv1.PolicyRule) []rbacv1.PolicyRule {
	names := slices.Clone(rule.ResourceNames)
	if !slices.Contains(d.Names, "*") {
		names = slices.DeleteFunc(names, func(name string) bool { return !slices.Contains(d.Names, name) })
	}
	if len(rule.ResourceNames) > 0 && len(names) == 0 {
		return nil
	}
	rule.ResourceNames = nil
	var granted []atom
	for _, a := range atoms(d.Rights) {
		asked := Access{Verb: a.verb, Group: a.group, Resource: a.resource}
		if ruleAllows(rule, asked.split()) && len(l.matcher.judge([]string{a.verb, a.group, a.resource}, l.namespaced)) == 0 {
			granted = append(granted, a.under(names)...)
		}
	}
	return compact(granted)
}

// dangersOf are the checks that find a way from the rule to more rights.
func (l *linter) dangersOf(rule rbacv1.PolicyRule) (checks []string) {
	one := linter{matcher: l.matcher, all: l.all, namespaced: l.namespaced}
	one.dangers(0, rule)
	for _, f := range one.findings {
		if f.Check != "star" {
			checks = append(checks, f.Check)
		}
	}
	return checks
}

// WriteFindings writes the findings for a person: a line for each, and what to do
// below it. Without findings it writes nothing.
func WriteFindings(w io.Writer, findings []Finding) error {
	var b strings.Builder
	for _, f := range findings {
		where := strings.TrimSpace(f.Object + " " + f.Field)
		fmt.Fprintf(&b, "%s %s", f.Severity, f.Check)
		if where != "" {
			b.WriteString(": " + printable.Line(where))
		}
		b.WriteString("\n")
		for _, right := range f.Rights {
			b.WriteString("    " + printable.Line(Describe(right)) + "\n")
		}
		fmt.Fprintf(&b, "  %s\n  do: %s\n  see: %s\n", printable.Prose(f.Why), printable.Prose(f.Remedy), printable.Line(f.Source))
	}
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("rbac: write findings: %w", err)
	}
	return nil
}
