package rbactest

import (
	"errors"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	authenticationv1 "k8s.io/api/authentication/v1"

	"github.com/meshpeer/meshpeer/rbac"
)

// questions are what an API server asks its authorizer about a request, in order: whether the subject may impersonate
// each part of whom it names, and whether that one may do what is asked (Kubernetes apiserver
// pkg/endpoints/filters/impersonation).
func questions(req *http.Request, subject rbac.Subject) ([]question, error) {
	access, err := AccessOf(req)
	if err != nil {
		return nil, err
	}
	as := rbac.Subject{User: req.Header.Get(authenticationv1.ImpersonateUserHeader), Groups: req.Header.Values(authenticationv1.ImpersonateGroupHeader)}
	var asked []question
	impersonate := func(group, resource, subresource, namespace, name string) {
		asked = append(asked, question{subject, rbac.Access{
			Verb: "impersonate", Group: group, Resource: resource, Subresource: subresource, Namespace: namespace, Name: name,
		}, true})
	}
	if namespace, name, ok := as.Account(); ok {
		impersonate("", "serviceaccounts", "", namespace, name)
	} else if as.User != "" {
		impersonate("", "users", "", "", as.User)
	}
	for _, group := range as.Groups {
		impersonate("", "groups", "", "", group)
	}
	for _, header := range slices.Sorted(maps.Keys(req.Header)) {
		key, ok := strings.CutPrefix(header, authenticationv1.ImpersonateUserExtraHeaderPrefix)
		if !ok {
			continue
		}
		key = strings.ToLower(key)
		if plain, err := url.PathUnescape(key); err == nil {
			key = plain
		}
		for _, value := range req.Header[header] {
			impersonate(authenticationv1.GroupName, "userextras", key, "", value)
		}
	}
	if uid := req.Header.Get(authenticationv1.ImpersonateUIDHeader); uid != "" {
		impersonate(authenticationv1.GroupName, "uids", "", "", uid)
	}
	switch {
	case len(asked) == 0:
		return []question{{subject, access, true}}, nil
	case as.User == "":
		return nil, errors.New("rbactest: the request impersonates a group, a UID or an extra without a user, which an API server refuses")
	}
	return append(asked, question{as, access, false}), nil
}
