package peering

import "maps"

func overlay(live, want map[string]string) map[string]string {
	m := maps.Clone(live)
	if m == nil {
		m = map[string]string{}
	}
	maps.Copy(m, want)
	return m
}
