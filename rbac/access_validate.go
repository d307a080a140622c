package rbac

import (
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"k8s.io/apimachinery/pkg/api/validate/content"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/meshpeer/meshpeer/internal/invalid"
)

// Validate refuses an access that cannot be a request to an API server, and names the spelling that was meant: a
// test that such an access is denied proves nothing. The error joins a [*FieldError] for each fault.
//
// Resources. The groups that Kubernetes 1.19 to 1.36 serves itself are known
// completely: their resources, which of them are namespaced, and their
// subresources. Anything else in these groups is refused. Of Istio, the Gateway API
// and the metrics server the common resources are known, and only misspellings of them
// are refused, and their names in a wrong group of these. In other groups every plural
// that a CustomResourceDefinition may have is accepted, and every name of a metric.
//
// Verbs. Accepted are the verbs of the API (get, list, watch, create, update,
// patch, delete, deletecollection), those that the API server checks on its own
// (approve, attest, bind, escalate, impersonate, proxy, sign, use), and custom ones.
// In a group that Kubernetes serves, a custom verb has a dash or a colon, such as
// request-serviceaccounts-token-audience. In other groups it is any word in lower
// case, except a common wrong word for verbs of the API, such as read or list-watch. With a Path
// the verb is an HTTP method in lower case.
//
// Names. A star is refused: it belongs in a rule. Only signers and custom metrics
// are asked for with one. A name is refused with deletecollection, and with create
// unless there is a subresource: RBAC does not see it there (Kubernetes apiserver
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
		case strings.ContainsFunc(f.value, func(r rune) bool { return unicode.IsSpace(r) && r != ' ' || !unicode.IsPrint(r) }),
			strings.Contains(f.value, " ") && !(f.name == "Name" && a.anyName()):
			faults = append(faults, accessFault(f.name, f.value, "has a blank or a control character", meaning(strings.Map(printing, f.value))))
		case strings.Contains(f.value, "*") && !(f.name == "Name" && a.starName()):
			faults = append(faults, accessFault(f.name, f.value, "has a star: rules have stars, requests do not", "write one access for each, or compare rules with Missing"))
		}
	}
	return faults
}

// printing drops what neither a name nor a verb can have.
func printing(r rune) rune {
	if unicode.IsSpace(r) || !unicode.IsPrint(r) {
		return -1
	}
	return r
}

// anyName tells whether names of the resource may be any text: those of users, groups, signers and the like.
func (a Access) anyName() bool {
	a = a.split()
	info, ok := find(known().served[a.Group], a.Resource)
	return ok && info.scope == "V"
}

// starName tells whether a star in the name is asked for: signers as "<domain>/*" too, and all objects of a metric as "*"
// (k8s.io/metrics pkg/client/custom_metrics).
func (a Access) starName() bool {
	return a.Resource == "signers" || a.Name == "*" && a.Group == "custom.metrics.k8s.io"
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
			faults = append(faults, accessFault(f.name, f.value, "is set beside Path", "a request is for a resource or for a path: drop one of them"))
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
	plain, _, _ := strings.Cut(a.Path, "?")
	plain, _, _ = strings.Cut(plain, "#")
	clean := path.Clean(plain)
	switch parts := strings.Split(strings.Trim(clean, "/"), "/"); {
	case plain != a.Path:
		faults = append(faults, accessFault("Path", a.Path, "has a query or a fragment, which RBAC does not see", meaning(plain)))
	case !strings.HasPrefix(plain, "/"):
		faults = append(faults, accessFault("Path", a.Path, "does not begin with a slash", meaning("/"+plain)))
	case clean != plain && clean+"/" != plain:
		faults = append(faults, accessFault("Path", a.Path, "has an empty segment or dots, which RBAC compares as they are", meaning(clean)))
	case escaped.MatchString(plain):
		faults = append(faults, accessFault("Path", a.Path, "is escaped, but RBAC compares the unescaped path", "write it unescaped"))
	case parts[0] == "api" && len(parts) >= 3 || parts[0] == "apis" && len(parts) >= 4:
		faults = append(faults, accessFault("Path", a.Path, "is the path of a resource: RBAC looks at verb, group and resource instead", "use Group and Resource"))
	}
	return faults
}

var escaped = regexp.MustCompile(`%[0-9A-Fa-f]{2}`)

// validateScope refuses a namespace for a cluster-scoped resource. Only a request for a Namespace itself has one.
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
	return accessFault("Namespace", a.Namespace, "is set, but "+info.name+" are not namespaced", "leave Namespace empty")
}

func (a Access) validateName(info resourceInfo) error {
	if a.Name == "" || info.scope == "V" { // names of users, groups and signers are no paths
		return nil
	}
	if msgs := content.IsPathSegmentName(a.Name); len(msgs) > 0 {
		return accessFault("Name", a.Name, "is not the name of an object", strings.Join(msgs, "; "))
	}
	if a.Verb == "deletecollection" || a.Verb == "create" && a.Subresource == "" {
		return accessFault("Name", a.Name, "is set, but RBAC does not see it with verb "+a.Verb, "leave Name empty")
	}
	return nil
}
