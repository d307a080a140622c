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

// meant returns the resource that a misspelling most likely means: its kind or singular in any case, a short name, or a
// few letters off.
func meant(in []resourceInfo, word string) (resourceInfo, bool) {
	word = strings.ToLower(word)
	for _, exact := range []func(resourceInfo) bool{
		func(r resourceInfo) bool { return r.name == word || singular(r.name) == word },
		func(r resourceInfo) bool { return slices.Contains(r.short, word) },
		func(r resourceInfo) bool { return near(r.name, word) || near(singular(r.name), word) },
	} {
		if i := slices.IndexFunc(in, exact); i >= 0 {
			return in[i], true
		}
	}
	return resourceInfo{}, false
}

// elsewhere returns the groups that have a resource of that name, or of the one that it means.
func (c catalogue) elsewhere(word string) []resourceInfo {
	word = strings.ToLower(word)
	var found []resourceInfo
	for _, table := range []map[string][]resourceInfo{c.served, c.other} {
		for _, group := range slices.Sorted(maps.Keys(table)) {
			for _, r := range table[group] {
				if r.scope != "V" && group != "extensions" && (r.name == word || singular(r.name) == word || slices.Contains(r.short, word)) {
					found = append(found, r)
				}
			}
		}
	}
	return found
}

// singular is the name of one such resource, by the rules that the names in the tables follow.
func singular(plural string) string {
	for _, ending := range [][2]string{{"ies", "y"}, {"sses", "ss"}, {"tuses", "tus"}, {"s", ""}} {
		if stem, ok := strings.CutSuffix(plural, ending[0]); ok {
			return stem + ending[1]
		}
	}
	return plural
}

// near tells whether a word is another one with up to two slips of the pen, one if it is short.
func near(word, other string) bool {
	slips := 2
	switch {
	case max(len(word), len(other)) < 4:
		slips = 0
	case max(len(word), len(other)) < 8:
		slips = 1
	}
	return distance(word, other, slips) <= slips
}

// distance counts the letters to insert, drop, replace, or swap with their neighbour; beyond limit it may stop counting.
func distance(a, b string, limit int) int {
	if len(a)-len(b) > limit || len(b)-len(a) > limit {
		return limit + 1
	}
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			rows[i][j] = min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(a)][len(b)]
}
