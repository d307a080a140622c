package rbac

import (
	"maps"
	"slices"
	"strings"
)

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
