package rbactest

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"k8s.io/apimachinery/pkg/api/validate/content"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/meshpeer/meshpeer/rbac"
)

// AccessOf returns the access that an API server asks its authorizers for when it
// gets the request (Kubernetes apiserver pkg/endpoints/request/requestinfo.go). The
// URL's path is that at the API server itself: behind a proxy below a path of its
// own, such as Rancher's, every request is for a path that is no resource.
//
// The error is for a request that an API server cannot read, such as /api/v1/watch.
func AccessOf(req *http.Request) (rbac.Access, error) {
	u, err := url.ParseRequestURI(req.URL.RequestURI()) // as it is sent, and read again
	if err != nil {
		return rbac.Access{}, errors.New("rbactest: the URL of the request cannot be sent")
	}
	method := req.Method
	if method == "" {
		method = http.MethodGet
	}
	parts := strings.Split(strings.Trim(u.Path, "/"), "/")
	if len(parts) < 3 || parts[0] != "api" && (parts[0] != "apis" || len(parts) < 4) {
		return rbac.Access{Verb: strings.ToLower(method), Path: u.Path}, nil
	}
	a := rbac.Access{Verb: verbs[method]}
	if parts[0] == "apis" {
		a.Group, parts = parts[1], parts[1:]
	}
	parts = parts[2:] // prefix or group, and version
	if parts[0] == "watch" || parts[0] == "proxy" {
		if len(parts) < 2 {
			return rbac.Access{}, errors.New("rbactest: an API server cannot tell what the request is for: name a resource behind /" + parts[0])
		}
		a.Verb, parts = parts[0], parts[1:]
	}
	if parts[0] == "namespaces" && len(parts) > 1 {
		a.Namespace = parts[1]
		if len(parts) > 2 && parts[2] != "status" && parts[2] != "finalize" { // these are of the namespace
			parts = parts[2:]
		}
	}
	a.Resource = parts[0]
	if len(parts) > 1 {
		a.Name = parts[1]
	}
	if len(parts) > 2 && a.Verb != "proxy" {
		a.Subresource = parts[2]
	}
	switch {
	case a.Name != "":
	case a.Verb == "get":
		a.Verb, a.Name = ofMany(u.Query())
	case a.Verb == "delete":
		a.Verb = "deletecollection"
	}
	return a, nil
}

var verbs = map[string]string{
	http.MethodPost: "create", http.MethodGet: "get", http.MethodHead: "get",
	http.MethodPut: "update", http.MethodPatch: "patch", http.MethodDelete: "delete",
}

// ofMany tells a watch from a list, and returns the one name that its field selector asks for. Parameters that cannot be read
// hide the name.
func ofMany(query url.Values) (verb, name string) {
	var options metav1.ListOptions
	readable := metav1.Convert_url_Values_To_v1_ListOptions(&query, &options, nil) == nil
	_, unlabelled := labels.Parse(options.LabelSelector)
	selector, unselected := fields.ParseSelector(options.FieldSelector)
	if readable && unlabelled == nil && unselected == nil {
		if exact, ok := selector.RequiresExactMatch("metadata.name"); ok && len(content.IsPathSegmentName(exact)) == 0 {
			name = exact
		}
	}
	if options.Watch {
		return "watch", name
	}
	return "list", name
}
