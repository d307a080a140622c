package rbac

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"k8s.io/apimachinery/pkg/api/validate/content"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/meshpeer/meshpeer/internal/invalid"
)

// Validate refuses an access that no request to an API server can be, and names
// the spelling that was meant. A test that such an access is denied would prove
// nothing. The error joins an [*FieldError] for each fault.
//
// What is known: the resources and subresources of the groups that Kubernetes
// 1.19 to 1.36 serves itself, completely, and with them which are namespaced;
// anything else in these groups is refused. Of Istio and the Gateway API only
// misspellings of their resources are. In groups of others every plural that a
// CustomResourceDefinition may have passes.
//
// Verbs are those of the API (get, list, watch, create, update, patch, delete,
// deletecollection), those that the API server asks for on its own (approve,
// attest, bind, escalate, impersonate, proxy, sign, use), and custom ones: in a
// group that Kubernetes serves itself a custom verb holds a dash or a colon, as
// request-serviceaccounts-token-audience does; in groups of others it is any
// word in lower case that is not a common misnomer of a verb of the API, such
// as read. For a Path the verb is an HTTP method in lower case.
//
// A star is refused everywhere: it belongs into a rule. So is a name with
// create and deletecollection, of which the API server learns too late to ask
// RBAC, unless there is a subresource (Kubernetes apiserver
// pkg/endpoints/request/requestinfo.go).
func (a Access) Validate() error {
	if a == (Access{}) {
		return accessFault("", "", "is empty", accessSyntax)
	}
	if faults := a.unspeakable(); len(faults) > 0 {
		return errors.Join(faults...)
	}
	if a.Path != "" {
		return errors.Join(a.validateURL()...)
	}
	if a.Verb == audienceVerb && a.Group == "" && a.Resource != "" {
		return nil
	}
	a = a.split()
	var faults []error
	info, err := a.validateResource()
	faults = appendFault(faults, a.validateGroup(), err)
	if err == nil {
		faults = appendFault(faults, a.validateSubresource(info), a.validateScope(info))
	}
	faults = appendFault(faults, a.validateVerb(info), a.validateName(info))
	return errors.Join(faults...)
}

func appendFault(faults []error, more ...error) []error {
	for _, err := range more {
		if err != nil {
			faults = append(faults, err)
		}
	}
	return faults
}

func accessFault(field, value, reason, remedy string) error {
	if field != "" {
		field = "." + field
	}
	return invalid.Field("Access"+field, value, reason, remedy)
}

// unspeakable are faults of form that any field may have.
func (a Access) unspeakable() (faults []error) {
	for _, f := range []struct{ name, value string }{
		{"Verb", a.Verb},
		{"Group", a.Group},
		{"Resource", a.Resource},
		{"Subresource", a.Subresource},
		{"Namespace", a.Namespace},
		{"Name", a.Name},
		{"Path", a.Path},
	} {
		switch {
		case !utf8.ValidString(f.value):
			faults = append(faults, accessFault(f.name, f.value, "is not UTF-8", "remove what is not"))
		case strings.ContainsFunc(f.value, func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) }):
			faults = append(faults, accessFault(f.name, f.value, "holds a blank or a control character", meaning(strings.Join(strings.Fields(f.value), ""))))
		case strings.Contains(f.value, "*") && !(f.name == "Name" && a.Resource == "signers"): // asked for as "<domain>/*" too
			faults = append(faults, accessFault(f.name, f.value, "holds a star, which rules have and requests do not", "write one access for each thing that is meant, or compare rules with Missing"))
		}
	}
	return faults
}

// meaning is the remedy that names the right spelling, if it can be told.
func meaning(spelling string) string {
	if spelling == "" {
		return "remove it"
	}
	return fmt.Sprintf("write %q", spelling)
}

var httpMethods = []string{"delete", "get", "head", "options", "patch", "post", "put"}

// validateURL checks a request for no resource.
func (a Access) validateURL() (faults []error) {
	for _, f := range []struct{ name, value string }{
		{"Group", a.Group}, {"Resource", a.Resource}, {"Subresource", a.Subresource}, {"Namespace", a.Namespace}, {"Name", a.Name},
	} {
		if f.value != "" {
			faults = append(faults, accessFault(f.name, f.value, "stands beside Path", "a request is for a resource or for a path: drop one of them"))
		}
	}
	if !slices.Contains(httpMethods, a.Verb) {
		remedy := "use one of " + strings.Join(httpMethods, ", ")
		if lower := strings.ToLower(a.Verb); slices.Contains(httpMethods, lower) {
			remedy = meaning(lower)
		} else if method, ok := map[string]string{"list": "get", "watch": "get", "create": "post", "update": "put"}[lower]; ok {
			remedy = meaning(method)
		}
		faults = append(faults, accessFault("Verb", a.Verb, "is not an HTTP method in lower case, which is the verb for a Path", remedy))
	}
	path, _, _ := strings.Cut(a.Path, "?")
	path, _, _ = strings.Cut(path, "#")
	switch parts := strings.Split(strings.Trim(path, "/"), "/"); {
	case path != a.Path:
		faults = append(faults, accessFault("Path", a.Path, "holds a query or a fragment, which RBAC does not see", meaning(path)))
	case !strings.HasPrefix(path, "/"):
		faults = append(faults, accessFault("Path", a.Path, "does not begin with a slash", meaning("/"+path)))
	case escaped.MatchString(path):
		faults = append(faults, accessFault("Path", a.Path, "is escaped, and RBAC compares the path as it is after unescaping", "write it unescaped"))
	case parts[0] == "api" && len(parts) >= 3 || parts[0] == "apis" && len(parts) >= 4:
		faults = append(faults, accessFault("Path", a.Path, "is the path of a resource: RBAC looks at verb, group and resource instead", "use Group and Resource"))
	}
	return faults
}

var escaped = regexp.MustCompile(`%[0-9A-Fa-f]{2}`)

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
		return fault("holds a version, which RBAC does not look at", meaning(group))
	case versionLabel.MatchString(first) && rest != "":
		return fault("begins with a version, which RBAC does not look at", meaning(rest))
	case lower != a.Group && len(validation.IsDNS1123Subdomain(lower)) == 0:
		return fault("is not in lower case", meaning(lower))
	case len(validation.IsDNS1123Subdomain(a.Group)) > 0:
		return fault("is not a group, which is a name in the form of a domain", `write it like "apps" or "networking.istio.io"`)
	}
	if of := known().likelyGroup(a.Group, a.Resource); of != "" {
		return fault("is not a group that is known", meaning(of))
	}
	if !strings.Contains(a.Group, ".") {
		return fault("is not a group of Kubernetes, and those of others hold a dot", "take it from kubectl api-resources, without its version")
	}
	return nil
}

// likelyGroup is the group that a misspelt one means; "" if it may be one of its own.
func (c catalogue) likelyGroup(group, resource string) string {
	if _, partly := c.other[group]; partly {
		return ""
	}
	for _, r := range c.elsewhere(resource) { // "rbac" or "networking" in place of the whole name
		if r.group != "" && (strings.HasPrefix(r.group, group+".") || near(r.group, group)) {
			return r.group
		}
	}
	for _, table := range []map[string][]resourceInfo{c.served, c.other} {
		for _, g := range slices.Sorted(maps.Keys(table)) {
			if g != "" && near(g, group) {
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
		return fault("holds a slash beside Subresource", "keep the subresource in one place")
	case dotted && a.Group == "":
		return fault("holds the group", fmt.Sprintf("write Resource %q and Group %q", name, group))
	case dotted:
		return fault("holds a dot", meaning(name))
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
	if served {
		return fault("is not a resource"+inGroup(a.Group), a.whereElse())
	}
	if lower := strings.ToLower(a.Resource); lower != a.Resource {
		return fault("is not in lower case", meaning(lower))
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
	_, served := known().served[a.Group]
	switch lower := strings.ToLower(a.Subresource); {
	case a.Subresource == "" || slices.Contains(own, a.Subresource) || slices.Contains(own, "*"):
		return nil
	case strings.Contains(a.Subresource, "/"):
		first, _, _ := strings.Cut(a.Subresource, "/")
		return fault("holds a slash: RBAC looks at its first part only", meaning(first))
	case info.name != "" && served:
		for _, right := range own {
			if right == lower || near(right, lower) {
				return fault("is not a subresource of "+info.name, meaning(right))
			}
		}
		if len(own) == 1 {
			return fault("is not a subresource of "+info.name+", which has none", "write the name of an object into Name")
		}
		return fault("is not a subresource of "+info.name, "use one of "+strings.Join(own, ", ")+"; write the name of an object into Name")
	case lower != a.Subresource:
		return fault("is not in lower case", meaning(lower))
	case len(content.IsPathSegmentName(a.Subresource)) > 0:
		return fault("cannot be part of a path", "take it from kubectl get --raw /apis/<group>/<version>")
	}
	return nil
}

// validateScope: a namespace of a cluster-scoped resource belongs to no request but one for a Namespace itself.
func (a Access) validateScope(info resourceInfo) error {
	if a.Namespace == "" {
		return nil
	}
	if msgs := validation.IsDNS1123Label(a.Namespace); len(msgs) > 0 {
		return accessFault("Namespace", a.Namespace, "is not the name of a namespace", strings.Join(msgs, "; "))
	}
	if info.scope != "C" || info.name == "namespaces" && a.Name == a.Namespace {
		return nil
	}
	return accessFault("Namespace", a.Namespace, "stands beside "+info.name+", which are in no namespace", "leave Namespace empty")
}

func (a Access) validateName(info resourceInfo) error {
	if a.Name == "" || info.scope == "V" { // names of users, groups and signers are no paths
		return nil
	}
	if msgs := content.IsPathSegmentName(a.Name); len(msgs) > 0 {
		return accessFault("Name", a.Name, "is not the name of an object", strings.Join(msgs, "; "))
	}
	if a.Verb == "deletecollection" || a.Verb == "create" && a.Subresource == "" {
		return accessFault("Name", a.Name, "is never seen by RBAC with verb "+a.Verb, "leave Name empty")
	}
	return nil
}
