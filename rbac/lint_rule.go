package rbac

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/validate/content"

	"github.com/meshpeer/meshpeer/internal/printable"
	"github.com/meshpeer/meshpeer/internal/unmatched"
)

const validationSource = "Kubernetes pkg/apis/rbac/validation/validation.go, ValidatePolicyRule"

// refused tells why an API server does not store the rule.
func (l *linter) refused(i int, rule rbacv1.PolicyRule) {
	refuse := func(field, why, remedy string) {
		l.add(Finding{
			Check: "refused", Severity: SeverityBroken, Field: fmt.Sprintf("rules[%d]%s", i, field),
			Rights: []rbacv1.PolicyRule{*rule.DeepCopy()}, Why: why, Remedy: remedy, Source: validationSource,
		})
	}
	onURLs := len(rule.NonResourceURLs) > 0
	if len(rule.Verbs) == 0 {
		refuse(".verbs", "the rule has no verbs", "add verbs, or remove the rule")
	}
	switch {
	case onURLs && len(rule.APIGroups)+len(rule.Resources)+len(rule.ResourceNames) > 0:
		refuse("", "the rule is for resources and for URLs", "write one rule for each")
	case !onURLs && len(rule.APIGroups) == 0:
		refuse(".apiGroups", "the rule has no API group", `write "" for the core group`)
	case !onURLs && len(rule.Resources) == 0:
		refuse(".resources", "the rule has no resources", "add resources, or remove the rule")
	}
	if onURLs && l.namespaced {
		l.add(Finding{
			Check: "cluster-scoped", Severity: SeverityBroken, Field: fmt.Sprintf("rules[%d].nonResourceURLs", i),
			Rights: []rbacv1.PolicyRule{{Verbs: rule.Verbs, NonResourceURLs: rule.NonResourceURLs}},
			Why:    "a URL is in no namespace, so no request matches the rule where only RoleBindings grant it; in a Role an API server refuses it",
			Remedy: "grant it with a ClusterRole and a ClusterRoleBinding", Source: validationSource,
		})
	}
}

// names tells what resourceNames do not do.
func (l *linter) names(i int, rule rbacv1.PolicyRule) {
	signers := len(rule.Resources) > 0 && !slices.ContainsFunc(rule.Resources, func(r string) bool { return r != "signers" })
	for at, name := range rule.ResourceNames {
		if !strings.Contains(name, "*") || signers { // "<domain>/*" is asked for: pkg/certauthorization
			continue
		}
		only := *rule.DeepCopy()
		only.ResourceNames = []string{name}
		l.add(Finding{
			Check: "name-pattern", Severity: SeverityBroken, Field: fmt.Sprintf("rules[%d].resourceNames[%d]", i, at), Rights: []rbacv1.PolicyRule{only},
			Why: shown(name) + " is compared as it is: resourceNames have no wildcards", Remedy: "list the names, or leave resourceNames out for all",
			Source: "Kubernetes pkg/apis/rbac/v1/evaluation_helpers.go, ResourceNameMatches",
		})
	}
	part := *rule.DeepCopy()
	part.Verbs = slices.DeleteFunc(part.Verbs, func(v string) bool { return v != "list" && v != "watch" })
	part.Resources = slices.DeleteFunc(part.Resources, func(r string) bool { return strings.Contains(r, "/") })
	if len(part.ResourceNames) == 0 || len(part.Verbs) == 0 || len(part.Resources) == 0 || len(part.APIGroups) == 0 {
		return
	}
	l.add(Finding{
		Check: "list-by-name", Severity: SeverityNotice, Field: fmt.Sprintf("rules[%d].resourceNames", i), Rights: []rbacv1.PolicyRule{part},
		Why:    "list and watch match a name only if the request has the field selector metadata.name=<name>; kubectl get without a name is refused",
		Remedy: "keep it for informers of one object; for get by name add the verb get",
		Source: requestInfo,
	})
}

// unmatched tells which values no request matches.
func (l *linter) unmatched(i int, rule rbacv1.PolicyRule) {
	reports := unmatched.Find(rule, unmatched.OnResources(), func(values []string) []unmatched.Fault { return l.matcher.judge(values, l.namespaced) })
	if !l.namespaced { // there, no URL matches
		reports = append(reports, unmatched.Find(rule, unmatched.OnURLs(), judgeURL)...)
	}
	for _, r := range reports {
		f := Finding{
			Check: r.Fault.Check, Severity: severities[r.Fault.Check], Field: fmt.Sprintf("rules[%d].%s[%d]", i, r.Part.Name, r.Index),
			Rights: []rbacv1.PolicyRule{r.Rule}, Why: shown(r.Fault.Value) + " " + r.Fault.Reason, Remedy: r.Fault.Remedy, Source: r.Fault.Source,
		}
		if r.Company {
			f.Check, f.Severity = "without-effect", SeverityNotice
			f.Why = shown(r.Value) + " fits none of the other values of the rule: " + f.Why
			f.Remedy = "remove " + shown(r.Value)
		}
		l.add(f)
	}
}

// shown is a value in quotes. Escapes in it are there to be seen.
func shown(value string) string { return `"` + printable.Value(value) + `"` }

var severities = map[string]Severity{
	"never-matches": SeverityBroken, "cluster-scoped": SeverityBroken, "create-by-name": SeverityBroken,
	"not-served": SeverityCaution, "without-effect": SeverityNotice,
}

const coveredSource = "Kubernetes component-helpers/auth/rbac/validation/policy_comparator.go, Covers"

// repeated tells which values stand twice or beside a star.
func (l *linter) repeated(i int, rule rbacv1.PolicyRule) {
	for _, p := range unmatched.All() {
		values := *p.Of(&rule)
		for at, value := range values {
			star := value != "*" && p.Stars && slices.Contains(values, "*")
			if star || slices.Contains(values[:at], value) {
				l.add(Finding{
					Check: "covered", Severity: SeverityNotice, Field: fmt.Sprintf("rules[%d].%s[%d]", i, p.Name, at), Rights: []rbacv1.PolicyRule{p.With(rule, value)},
					Why: shown(value) + " stands beside itself or a star", Remedy: "remove it", Source: coveredSource,
				})
			}
		}
	}
}

// redundant are the rules that add nothing to the others, even with all of them taken away, each with what grants it: first
// those that one rule covers, of equal ones the later, then those that several do.
func redundant(rules []rbacv1.PolicyRule) map[int]string {
	sets := make([]atomSet, len(rules))
	for i := range rules {
		sets[i] = setOf(rules[i : i+1])
	}
	found := map[int]string{}
	for i, own := range sets {
		for j, other := range sets {
			if i != j && len(own) > 0 && other.coversAll(own) && (j < i || !own.coversAll(other)) {
				found[i] = fmt.Sprintf("rules[%d] grants all of it", j)
				break
			}
		}
	}
	for i := len(rules) - 1; i >= 0; i-- {
		others := atomSet{}
		for j := range rules {
			if _, gone := found[j]; !gone && i != j {
				maps.Copy(others, sets[j])
			}
		}
		if _, gone := found[i]; !gone && len(sets[i]) > 0 && others.coversAll(sets[i]) {
			found[i] = "other rules together grant all of it"
		}
	}
	return found
}

func (s atomSet) coversAll(of atomSet) bool {
	for a := range of {
		if !s.covers(a) {
			return false
		}
	}
	return true
}

// faultsOf are the faults of an access as those of the rule that it is made from.
func faultsOf(a Access, value string) (faults []unmatched.Fault) {
	err := a.Validate()
	all := []error{err}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		all = joined.Unwrap()
	}
	for _, err := range all {
		var refused *FieldError
		if errors.As(err, &refused) {
			faults = append(faults, mismatchOf(refused, value))
		}
	}
	return faults
}

var inRules = strings.NewReplacer(`Resource "`, `resource "`, `and Group "`, `in group "`, "leave Group empty", `write ""`, "write Path", "write a rule for nonResourceURLs:",
	"the name of an object goes into Name", "the name of an object goes into resourceNames", "write one access for each verb", "list the verbs",
	"for a Path", "for a URL", "use Group and Resource", "write a rule for its group and resource")

func mismatchOf(e *FieldError, value string) unmatched.Fault {
	f := unmatched.Fault{Check: "never-matches", Value: e.Value, Reason: inRules.Replace(e.Reason), Remedy: inRules.Replace(e.Remedy), Source: requestInfo}
	switch e.Field {
	case "Access.Verb":
		f.Part = "verbs"
	case "Access.Group":
		f.Part = "apiGroups"
	case "Access.Path":
		f.Part, f.Value = "nonResourceURLs", value
	case "Access":
		f.Part, f.Value, f.Reason, f.Remedy = "verbs", "", "is no verb, on nothing", "remove the rule"
	case "Access.Subresource":
		resource, _, _ := strings.Cut(value, "/")
		f.Part, f.Value, f.Remedy = "resources", value, strings.Replace(f.Remedy, `write "`, fmt.Sprintf(`write "%s/`, resource), 1)
	default:
		f.Part, f.Value = "resources", value
	}
	return f
}

// judgeURL tells why no request for a path matches.
func judgeURL(values []string) []unmatched.Fault {
	verb, url := values[0], values[1]
	if verb == "*" {
		verb = "get"
	}
	path := url
	if strings.HasSuffix(url, "*") {
		path = strings.TrimRight(url, "*")
	}
	fault := unmatched.Fault{Part: "nonResourceURLs", Check: "never-matches", Value: url, Source: evaluation}
	switch {
	case url == "":
		fault.Reason, fault.Remedy = "is empty", `write "/..." or "*"`
		return []unmatched.Fault{fault}
	case strings.Contains(path, "*"):
		fault.Reason, fault.Remedy = "has a star that is not at its end, where it stands for itself", "end the URL in the star, or list the paths"
		return []unmatched.Fault{fault}
	case path == "":
		path = "/"
	}
	faults := faultsOf(Access{Verb: verb, Path: path}, url)
	if path != url && len(faultsOf(Access{Verb: verb, Path: path + "x"}, url)) == 0 {
		return nil
	}
	return faults
}

// mayBeNamed tells whether a request can be for an object of that name. Of verbs that the API server does not make of a
// request, nothing is known.
func mayBeNamed(a Access, name string, namespaced bool) bool {
	isName := name != "" && (len(content.IsPathSegmentName(name)) == 0 || a.anyName())
	switch {
	case !slices.Contains(apiVerbs, a.Verb):
		return true
	case a.Subresource == "" && (a.Verb == "create" || a.Verb == "deletecollection"):
		return name == ""
	case a.Subresource == "" && (a.Verb == "list" || a.Verb == "watch"):
		return name == "" && !(namespaced && a.Group == "" && a.Resource == "namespaces") || isName
	}
	return isName
}
