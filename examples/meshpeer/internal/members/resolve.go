package members

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/meshpeer/meshpeer/peering"
)

// Member is a cluster and where it was found.
type Member struct {
	*peering.Cluster
	Context string // of the kubeconfig; "" is none
}

// Set are the members of a call, in the order in which they were named.
type Set struct {
	All   []Member
	Notes []string // what was decided for the user
	links func(*Set) ([]peering.Link, error)
}

// Clusters of the members.
func (s *Set) Clusters() (all []*peering.Cluster) {
	for _, m := range s.All {
		all = append(all, m.Cluster)
	}
	return all
}

// ByID is a member; an error if there is none, or an ID nobody could have.
func (s *Set) ByID(id string) (Member, error) {
	i := slices.IndexFunc(s.All, func(m Member) bool { return m.ID.String() == id })
	if i < 0 {
		var known []string
		for _, m := range s.All {
			known = append(known, m.ID.String())
		}
		return Member{}, &UsageError{fmt.Sprintf("%q is no member: there are %s; name its context with --context", id, strings.Join(known, ", "))}
	}
	return s.All[i], nil
}

// UsageError is a command that cannot be meant.
type UsageError struct{ Text string }

func (e *UsageError) Error() string { return e.Text }

// Resolve makes the members. It asks the istiods of those that were given no ID, all at once.
func (f *Flags) Resolve(ctx context.Context) (*Set, error) {
	named := f.Contexts
	if len(named) == 0 {
		current, err := f.current()
		if err != nil {
			return nil, err
		}
		named = []string{current}
	}
	set := &Set{All: make([]Member, len(named)), links: f.links}
	failed := make([]error, len(named))
	notes := make([]string, len(named))
	var wg sync.WaitGroup
	for i, word := range named {
		wg.Go(func() { set.All[i], notes[i], failed[i] = f.member(ctx, word) })
	}
	wg.Wait()
	if err := errors.Join(failed...); err != nil {
		return nil, err
	}
	set.Notes = slices.DeleteFunc(notes, func(note string) bool { return note == "" })
	seen := map[string]string{}
	for _, m := range set.All {
		id := m.ID.String()
		if other, twice := seen[id]; twice {
			return nil, &UsageError{fmt.Sprintf("the clusters of contexts %s and %s are both called %q: give each an ID of its own "+
				"(Istio's chart value global.multiCluster.clusterName); to istiods two clusters of one ID are one", other, m.Context, id)}
		}
		seen[id] = m.Context
	}
	for _, id := range f.hosted {
		if _, err := set.ByID(id); err != nil {
			return nil, fmt.Errorf("--hosted: %w", err)
		}
	}
	return set, nil
}

// member makes one of [ID=]CONTEXT.
func (f *Flags) member(ctx context.Context, word string) (m Member, note string, err error) {
	name, kubeContext, given := strings.Cut(word, "=")
	if !given {
		name, kubeContext = "", word
	}
	if !given && slices.Contains(f.hosted, word) { // the user says that this is an ID
		name = word
	}
	if given && (name == "" || kubeContext == "") {
		return m, "", &UsageError{fmt.Sprintf("--context %s: write CONTEXT or ID=CONTEXT", Quote(word))}
	}
	m.Context = kubeContext
	o := peering.ConnectOptions{Namespace: f.namespace, IstiodSelector: f.selector, AllowLoopback: f.loopback}
	connect := f.Connect
	if connect == nil {
		connect = f.connect
	}
	if name == "" {
		var id peering.ID
		if id, err = identify(ctx, connect, kubeContext, o); err != nil {
			return m, "", err
		}
		name = id.String()
	}
	id, err := peering.ParseIstioID(name)
	if err != nil {
		return m, "", &UsageError{err.Error()}
	}
	o.Hosted = slices.Contains(f.hosted, name)
	if m.Cluster, err = connect(id, kubeContext, o); err != nil {
		return m, "", err
	}
	if !f.loopback && !f.hasEndpoint(name) {
		note, err = reachable(ctx, m.Cluster)
	}
	return m, note, err
}

// connect makes a cluster of a context in the kubeconfig that kubectl would read.
func (f *Flags) connect(id peering.ID, kubeContext string, o peering.ConnectOptions) (*peering.Cluster, error) {
	raw, err := f.kubeconfig()
	if err != nil {
		return nil, err
	}
	if raw.Contexts[kubeContext] == nil {
		return nil, &UsageError{fmt.Sprintf("the kubeconfig has no context %q: `kubectl config get-contexts` lists them", kubeContext)}
	}
	config := genericclioptions.NewConfigFlags(false)
	config.KubeConfig, config.Context = f.config.KubeConfig, &kubeContext
	config.Impersonate, config.ImpersonateUID = f.config.Impersonate, f.config.ImpersonateUID
	config.ImpersonateGroup, config.ImpersonateUserExtra = f.config.ImpersonateGroup, f.config.ImpersonateUserExtra
	client, err := config.ToRESTConfig()
	if err != nil {
		return nil, fmt.Errorf("context %s: %w", kubeContext, err)
	}
	return peering.Connect(id, client, o)
}

// current is the kubeconfig's current context.
func (f *Flags) current() (string, error) {
	raw, err := f.kubeconfig()
	if err != nil {
		return "", err
	}
	if raw.CurrentContext == "" {
		return "", &UsageError{"no member is named: give --context for each"}
	}
	return raw.CurrentContext, nil
}

func (f *Flags) kubeconfig() (*kubeconfig, error) {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	if f.config.KubeConfig != nil {
		rules.ExplicitPath = *f.config.KubeConfig
	}
	raw, err := rules.Load()
	return raw, err
}
