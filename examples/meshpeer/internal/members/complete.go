package members

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/meshpeer/meshpeer/peering"
)

// completeTimeout is how long somebody who pressed tab waits for istiods to tell their IDs.
const completeTimeout = 2 * time.Second

// ContextNames are those of the kubeconfig, with the ID= that was typed before; none if it cannot be read.
func (f *Flags) ContextNames(typed string) (names []string) {
	raw, err := f.kubeconfig()
	if err != nil {
		return nil
	}
	id, _, given := strings.Cut(typed, "=")
	prefix := ""
	if given {
		prefix = id + "="
	}
	for _, name := range slices.Sorted(maps.Keys(raw.Contexts)) {
		if !slices.ContainsFunc(f.Contexts, func(named string) bool { return named == name || strings.HasSuffix(named, "="+name) }) {
			names = append(names, prefix+name)
		}
	}
	return names
}

// IDs of the members that were named so far. Istiods are asked for those that were given none; what does not answer in time
// is left out.
func (f *Flags) IDs(ctx context.Context) []string {
	ctx, cancel := context.WithTimeout(ctx, completeTimeout)
	defer cancel()
	var named []string // once each, for cobra parses a line twice to complete it
	for _, word := range f.Contexts {
		if !slices.Contains(named, word) {
			named = append(named, word)
		}
	}
	all := make([]string, len(named))
	connect := f.Connect
	if connect == nil {
		connect = f.connect
	}
	var wg sync.WaitGroup
	for i, word := range named {
		if id, _, given := strings.Cut(word, "="); given {
			all[i] = id
			continue
		}
		wg.Go(func() {
			o := peering.ConnectOptions{Namespace: f.namespace, IstiodSelector: f.selector, AllowLoopback: f.loopback}
			if id, err := identify(ctx, connect, word, o); err == nil {
				all[i] = id.String()
			}
		})
	}
	wg.Wait()
	return slices.DeleteFunc(all, func(id string) bool { return id == "" })
}
