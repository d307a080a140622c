package rbac

import (
	"maps"
	"regexp"
	"slices"
	"strings"
)

// apiVerbs are those that requests for resources have (Kubernetes apiserver pkg/endpoints/request/requestinfo.go).
var apiVerbs = []string{"get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"}

// specialVerbs are those that the API server asks for on its own, and on which resources of which group; none is all.
var specialVerbs = map[string]string{
	"approve":     "signers.certificates.k8s.io",
	"attest":      "signers.certificates.k8s.io",
	"sign":        "signers.certificates.k8s.io",
	"bind":        "clusterroles.rbac.authorization.k8s.io, roles.rbac.authorization.k8s.io",
	"escalate":    "clusterroles.rbac.authorization.k8s.io, roles.rbac.authorization.k8s.io",
	"impersonate": "users, groups, serviceaccounts, uids.authentication.k8s.io, userextras.authentication.k8s.io",
	"proxy":       "",
	"use":         "",
}

// audienceVerb asks for a token; its resource is the audience (Kubernetes plugin/pkg/admission/noderestriction).
const audienceVerb = "request-serviceaccounts-token-audience"

// misnomers are words that people write in place of verbs of the API; "" is for several verbs.
var misnomers = map[string]string{
	"read": "get", "view": "get", "show": "get", "fetch": "get", "head": "get", "gte": "get", "egt": "get",
	"ls": "list", "lst": "list", "write": "update", "edit": "update", "modify": "update", "put": "update", "replace": "update",
	"post": "create", "add": "create", "insert": "create", "remove": "delete", "del": "delete", "destroy": "delete", "rm": "delete",
	"delete-collection": "deletecollection", "delete-all": "deletecollection", "deleteall": "deletecollection",
	"all": "", "any": "", "options": "",
}

// servedMisnomers are verbs of nothing that Kubernetes serves, while a group of others may have them.
var servedMisnomers = map[string]string{
	"find": "get", "describe": "get", "logs": "get", "log": "get", "set": "update", "scale": "update", "apply": "patch", "label": "patch", "annotate": "patch",
	"exec": "create", "attach": "create", "portforward": "create", "evict": "create", "drop": "delete", "purge": "delete",
}

var customVerb = regexp.MustCompile(`^[a-z][a-z0-9]*([-:.][a-z0-9]+)*$`)

func (a Access) validateVerb(info resourceInfo) error {
	fault := func(reason, remedy string) error { return accessFault("Verb", a.Verb, reason, remedy) }
	oneOf := "use one of " + strings.Join(apiVerbs, ", ")
	resources, special := specialVerbs[a.Verb]
	_, served := known().served[a.Group]
	switch {
	case a.Verb == "":
		return fault("is empty", oneOf)
	case info.scope == "V" && !slices.Contains(info.verbs, a.Verb) && !strings.HasPrefix(a.Verb, "impersonate-on:"):
		return fault("is not a verb for "+info.name, "use one of "+strings.Join(info.verbs, ", "))
	case slices.Contains(apiVerbs, a.Verb):
		return nil
	case special && (resources == "" || !served || slices.Contains(strings.Split(resources, ", "), qualify(a.Group, a.Resource, ""))):
		return nil
	case special:
		return fault("is not a verb for "+qualify(a.Group, a.Resource, ""), "it is a verb of "+resources)
	}
	right, ok := likelyVerb(a.Verb)
	if !ok && served {
		right, ok = servedMisnomers[strings.ToLower(a.Verb)]
	}
	if ok && right == "" {
		return fault("is not a verb", "write one access for each verb")
	} else if ok {
		return fault("is not a verb of the API", meaning(right))
	}
	if severalVerbs(a.Verb) {
		return fault("is not a verb", "write one access for each verb that is meant")
	}
	if !customVerb.MatchString(a.Verb) || served && !strings.ContainsAny(a.Verb, "-:") {
		return fault("is not a verb of the API", oneOf)
	}
	return nil
}

// likelyVerb is the verb that a word means, if it is a misspelling: in another case, a common misnomer, or a letter off.
func likelyVerb(word string) (string, bool) {
	lower := strings.ToLower(word)
	if right, ok := misnomers[lower]; ok {
		return right, true
	}
	for _, right := range apiVerbs {
		stem := strings.TrimSuffix(right, "e")
		if slices.Contains([]string{right + "es", stem + "ing", stem + "ed", right + right[len(right)-1:] + "ing"}, lower) {
			return right, true
		}
	}
	for _, right := range slices.Concat(apiVerbs, slices.Sorted(maps.Keys(specialVerbs))) {
		if right == lower || len(lower) >= 4 && distance(right, lower, 1) <= 1 {
			return right, true
		}
	}
	return "", false
}

// severalVerbs tells whether a word joins verbs of the API and nothing else, such as "list-watch" or "read-only".
func severalVerbs(word string) bool {
	parts := strings.FieldsFunc(strings.ToLower(word), func(r rune) bool { return strings.ContainsRune("-:.", r) })
	for _, part := range parts {
		if _, misnomer := misnomers[part]; !misnomer && !slices.Contains(apiVerbs, part) && part != "only" && part != "and" {
			return false
		}
	}
	return len(parts) > 1
}
