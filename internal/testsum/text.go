package main

import (
	"maps"
	"slices"
	"strings"
)

func collect(texts map[string]*strings.Builder, key, more string) {
	if texts[key] == nil {
		texts[key] = &strings.Builder{}
	}
	texts[key].WriteString(more)
}

func text(texts map[string]*strings.Builder, key string) string {
	if texts[key] == nil {
		return ""
	}
	return texts[key].String()
}

// sortedKeys puts a test before its subtests and what belongs to no test last.
func sortedKeys(texts map[string]*strings.Builder) []string {
	keys := slices.Sorted(maps.Keys(texts))
	if len(keys) > 0 && keys[0] == "" {
		keys = append(keys[1:], "")
	}
	return keys
}

// short is a package's path without the module that everybody knows.
func short(name string) string {
	return strings.TrimPrefix(strings.TrimPrefix(name, "github.com/meshpeer/meshpeer"), "/")
}
