package rbac

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/validate/content"
	"k8s.io/apimachinery/pkg/util/validation"
)

var versionLabel = regexp.MustCompile(`^v[0-9]+((alpha|beta)[0-9]+)?$`)

func (a Access) validateGroup() error {
	group, version, versioned := strings.Cut(a.Group, "/")
	_, served := known().served[a.Group]
	first, rest, _ := strings.Cut(a.Group, ".")
	lower := strings.ToLower(a.Group)
	fault := func(reason, remedy string) error { return accessFault("Group", a.Group, reason, remedy) }
	switch {
	case served:
		return nil
	case lower == "core" || versionLabel.MatchString(a.Group):
		return fault("is not a group", `the core group, of pods and secrets, is "": leave Group empty`)
	case versioned && (versionLabel.MatchString(version) || version == ""):
		return fault("has a version, which RBAC does not look at", meaning(group))
	case versionLabel.MatchString(first) && rest != "":
		return fault("begins with a version, which RBAC does not look at", meaning(rest))
	case lower != a.Group && len(validation.IsDNS1123Subdomain(lower)) == 0:
		return fault("is not in lower case", meaning(lower))
	case len(validation.IsDNS1123Subdomain(a.Group)) > 0:
		return fault("is not a group: a group has the form of a domain name", `write it like "apps" or "networking.istio.io"`)
	}
	if of := known().likelyGroup(a.Group, a.Resource); of != "" {
		return fault("is not a group that is known", meaning(of))
	}
	if in := a.groupsOf(); len(in) > 0 && reserved(a.Group) {
		return fault("is not a group of Kubernetes or Istio", a.whereElse())
	}
	if !strings.Contains(a.Group, ".") {
		return fault("is not a group of Kubernetes, and other groups have a dot", "take it from kubectl api-resources, without its version")
	}
	return nil
}

var ownDomain = regexp.MustCompile(`^([-a-z0-9]+\.)?(k8s|kubernetes|istio)\.io$`)

// reserved tells whether only Kubernetes or Istio can have the group, and the lists know it unless it is misspelt: these
// domains with at most one word in front. Of the others there, two have resources of names that the lists know.
func reserved(group string) bool {
	_, partly := known().other[group]
	return !partly && ownDomain.MatchString(group) && !slices.Contains([]string{"custom.metrics.k8s.io", "migration.k8s.io"}, group)
}

// Known tells whether the resource, with the subresource if there is one, is among
// those that [Access.Validate] knows. Validate accepts many others, which may be
// misspelt. A Path is never known.
func (a Access) Known() bool {
	a = a.split()
	info, ok := find(slices.Concat(known().served[a.Group], known().other[a.Group]), a.Resource)
	return ok && a.Path == "" && a.validateSubresource(info) == nil
}

// groupsOf are the groups that have a resource of exactly that name.
func (a Access) groupsOf() []resourceInfo {
	return slices.DeleteFunc(known().elsewhere(a.Resource), func(r resourceInfo) bool { return r.name != a.Resource })
}

// likelyGroup is the group that a misspelt one means; "" if it may be one of its own.
func (c catalogue) likelyGroup(group, resource string) string {
	if _, partly := c.other[group]; partly {
		return ""
	}
	for _, r := range c.elsewhere(resource) { // "rbac" or "networking" in place of the whole name
		if r.group != "" && strings.HasPrefix(r.group, group+".") {
			return r.group
		}
	}
	for _, table := range []map[string][]resourceInfo{c.served, c.other} {
		for _, g := range slices.Sorted(maps.Keys(table)) {
			if g != "" && distance(g, group, 1) <= 1 { // two letters off is networking.x-k8s.io, a group of its own
				return g
			}
		}
	}
	return ""
}

var plural = regexp.MustCompile(`^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$`) // of a CustomResourceDefinition: an RFC 1035 label

// validateResource returns what is known of the resource; nothing for one in a group of others.
func (a Access) validateResource() (info resourceInfo, err error) {
	fault := func(reason, remedy string) (resourceInfo, error) {
		return resourceInfo{}, accessFault("Resource", a.Resource, reason, remedy)
	}
	name, group, dotted := strings.Cut(a.Resource, ".")
	switch {
	case a.Resource == "":
		return fault("is empty", "name the plural, such as pods, or a Path")
	case strings.Contains(a.Resource, "/"):
		return fault("has a subresource, and Subresource is set too", "keep the subresource in one place")
	case dotted && a.Group == "":
		return fault("has the group in it", fmt.Sprintf("write Resource %q and Group %q", name, group))
	case dotted:
		return fault("has a dot in it", meaning(name))
	}
	of, served := known().served[a.Group]
	if !served {
		of = known().other[a.Group]
	}
	if info, ok := find(of, a.Resource); ok {
		return info, nil
	}
	if right, ok := meant(of, a.Resource); ok {
		return fault("is not the plural of a resource"+inGroup(a.Group), meaning(right.name))
	}
	if _, partly := known().other[a.Group]; served || partly && len(a.groupsOf()) > 0 {
		return fault("is not a resource"+inGroup(a.Group), a.whereElse())
	}
	if lower := strings.ToLower(a.Resource); lower != a.Resource && a.Group != "external.metrics.k8s.io" {
		return fault("is not in lower case", meaning(lower))
	}
	if a.Group == "external.metrics.k8s.io" {
		return resourceInfo{}, nil // the resource is a metric, of any name
	}
	if !plural.MatchString(a.Resource) {
		return fault("is not the plural of a resource", "take it from kubectl api-resources, column NAME")
	}
	return resourceInfo{}, nil
}

func inGroup(group string) string {
	if group == "" {
		return " in the core group"
	}
	return " in group " + group
}

// whereElse names the groups that have the resource.
func (a Access) whereElse() string {
	var places []string
	for _, r := range known().elsewhere(a.Resource) {
		places = append(places, fmt.Sprintf("Resource %q and Group %q", r.name, r.group))
	}
	switch {
	case len(places) > 0:
		return "write " + strings.Join(places, ", or ")
	case slices.Contains([]string{"healthz", "livez", "readyz", "metrics", "version", "openapi", "api", "apis", "logs"}, a.Resource):
		return fmt.Sprintf("write Path %q", "/"+a.Resource)
	}
	return "take it and its group from kubectl api-resources"
}

func (a Access) validateSubresource(info resourceInfo) error {
	fault := func(reason, remedy string) error { return accessFault("Subresource", a.Subresource, reason, remedy) }
	own := append(slices.Clone(info.subresources), "finalizers") // asked for by the admission of owner references
	switch lower := strings.ToLower(a.Subresource); {
	case a.Subresource == "" || slices.Contains(own, a.Subresource) || slices.Contains(own, "*"):
		return nil
	case strings.Contains(a.Subresource, "/"):
		first, _, _ := strings.Cut(a.Subresource, "/")
		return fault("has a slash in it: RBAC looks at its first part only", meaning(first))
	case info.name != "": // those of Istio and the Gateway API are CustomResourceDefinitions, which have no others
		for _, right := range own {
			if right == lower || near(right, lower) {
				return fault("is not a subresource of "+info.name, meaning(right))
			}
		}
		if len(own) == 1 {
			return fault("is not a subresource of "+info.name+", which has none", "the name of an object goes into Name")
		}
		return fault("is not a subresource of "+info.name, "use one of "+strings.Join(own, ", ")+"; the name of an object goes into Name")
	case lower != a.Subresource:
		return fault("is not in lower case", meaning(lower))
	case len(content.IsPathSegmentName(a.Subresource)) > 0:
		return fault("cannot be part of a path", "take it from kubectl get --raw /apis/<group>/<version>")
	}
	return nil
}
