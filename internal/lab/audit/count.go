//go:build linux

package audit

import "strings"

// Count counts requests by what they cost.
type Count struct {
	Writes  int // mutations of a stored object that the API server carried out
	Refused int // mutations that it refused (status 400 or more)
	DryRuns int // mutations with dryRun=All
	Reads   int // get, list and watch of resources
	Reviews int // access, token and subject reviews: creates that store nothing
	Tokens  int // TokenRequests
	Streams int // exec, attach, port-forward, proxy
	Other   int // URLs that are not resources: discovery, version, health
}

// CountEvents counts the events for which keep says true; a nil keep counts all.
func CountEvents(events []Event, keep func(Event) bool) Count {
	var n Count
	for _, e := range events {
		if keep == nil || keep(e) {
			*n.of(e)++
		}
	}
	return n
}

func (n *Count) of(e Event) *int {
	switch {
	case e.Resource == "":
		return &n.Other
	case e.Group == "authorization.k8s.io" || e.Group == "authentication.k8s.io":
		return &n.Reviews
	case e.Subresource == "token":
		return &n.Tokens
	case e.Subresource == "exec" || e.Subresource == "attach" || e.Subresource == "portforward" || e.Subresource == "proxy":
		return &n.Streams
	case e.Verb == "get" || e.Verb == "list" || e.Verb == "watch":
		return &n.Reads
	case strings.Contains(e.URI, "dryRun="):
		return &n.DryRuns
	case e.Code >= 400:
		return &n.Refused
	default:
		return &n.Writes
	}
}
