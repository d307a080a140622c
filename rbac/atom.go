package rbac

import (
	"strings"

	rbacv1 "k8s.io/api/rbac/v1"
)

// atom is a right that rules cannot divide further: one verb on one resource of
// one group, under any name or under one, or one verb on one URL. A star stays
// a star, for it also stands for what does not exist yet.
type atom struct {
	verb            string
	group, resource string
	named           bool
	name            string
	isURL           bool
	url             string
}

// atoms returns the rights of the rules in their order, some perhaps twice.
func atoms(rules []rbacv1.PolicyRule) []atom {
	var all []atom
	for _, rule := range rules {
		for _, group := range rule.APIGroups {
			for _, resource := range rule.Resources {
				for _, verb := range rule.Verbs {
					all = append(all, atom{verb: verb, group: group, resource: resource}.under(rule.ResourceNames)...)
				}
			}
		}
		for _, url := range rule.NonResourceURLs {
			if strings.HasSuffix(url, "*") { // the authorizer reads "/a**" as "/a*"
				url = strings.TrimRight(url, "*") + "*"
			}
			for _, verb := range rule.Verbs {
				all = append(all, atom{verb: verb, isURL: true, url: url})
			}
		}
	}
	return all
}

// under returns a for each of the names; no names are all names.
func (a atom) under(names []string) []atom {
	if len(names) == 0 {
		return []atom{a}
	}
	all := make([]atom, len(names))
	for i, name := range names {
		a.named, a.name = true, name
		all[i] = a
	}
	return all
}

// wider returns the atoms that grant all that a grants: those with a star in
// place of something, and a itself.
func (a atom) wider() []atom {
	on := a.widerResources()
	if a.isURL {
		on = a.widerURLs()
	}
	for _, w := range on {
		w.verb = "*"
		on = append(on, w)
	}
	return on
}

func (a atom) widerResources() []atom {
	resources := []string{a.resource, "*"}
	if _, subresource, ok := strings.Cut(a.resource, "/"); ok {
		resources = append(resources, "*/"+subresource)
	}
	var wider []atom
	for _, group := range []string{a.group, "*"} {
		for _, resource := range resources {
			w := a
			w.group, w.resource = group, resource
			wider = append(wider, w)
			w.named, w.name = false, ""
			wider = append(wider, w)
		}
	}
	return wider
}

func (a atom) widerURLs() []atom {
	path := strings.TrimRight(a.url, "*")
	wider := []atom{a}
	for end := range len(path) + 1 {
		w := a
		w.url = path[:end] + "*"
		wider = append(wider, w)
	}
	return wider
}
