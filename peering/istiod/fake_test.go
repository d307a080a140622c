package istiod

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

// control is a control plane of fake replicas that a test changes while it is watched.
type control struct {
	mu       sync.Mutex
	err      error         // of a list
	takes    time.Duration // a list
	lists    int
	replicas []*fake
}

// fake is a replica; its fields are those of the next answer.
type fake struct {
	mu       *sync.Mutex
	name     string
	uid      string
	err      error
	fails    string        // the path that fails
	delay    time.Duration // of each answer
	hangs    bool          // until the request ends
	status   map[string]Status
	services map[string][]string // by cluster: hosts in namespace default
	requests map[string]int      // by path
	starts   []time.Time         // of requests for clusterz
	during   func(path string)   // called without lock while a request is answered
}

func newControl(names ...string) *control {
	c := &control{}
	c.set(names...)
	return c
}

// set makes replicas those of the names; those that are there already stay as they are.
func (c *control) set(names ...string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var all []*fake
	for _, name := range names {
		i := slices.IndexFunc(c.replicas, func(f *fake) bool { return f.name == name })
		if i >= 0 {
			all = append(all, c.replicas[i])
			continue
		}
		all = append(all, &fake{mu: &c.mu, name: name, status: map[string]Status{}, services: map[string][]string{}, requests: map[string]int{}})
	}
	c.replicas = all
}

func (c *control) get(name string) *fake {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, f := range c.replicas {
		if f.name == name {
			return f
		}
	}
	panic("no replica " + name)
}

// every changes all replicas.
func (c *control) every(change func(*fake)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, f := range c.replicas {
		change(f)
	}
}

func (c *control) fail(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.err = err
}

func (c *control) listed() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.lists
}

func (c *control) Replicas(context.Context) ([]Replica, error) {
	c.mu.Lock()
	c.lists++
	takes := c.takes
	c.mu.Unlock()
	if takes > 0 {
		time.Sleep(takes)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return nil, c.err
	}
	var all []Replica
	for _, f := range c.replicas {
		all = append(all, Replica{Name: f.name, UID: f.uid, Version: "1.31.0", Debug: f.debug})
	}
	return all, nil
}

func (f *fake) change(how func(*fake)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	how(f)
}

func (f *fake) asked(path string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.requests[path]
}

var errBroken = errors.New("tunnel broken")

func (f *fake) debug(ctx context.Context, path string) ([]byte, error) {
	f.mu.Lock()
	f.requests[path]++
	if path == "/debug/clusterz" {
		f.starts = append(f.starts, time.Now())
	}
	during, delay, hangs := f.during, f.delay, f.hangs
	f.mu.Unlock()
	if hangs {
		delay = time.Hour
	}
	if delay > 0 {
		select {
		case <-time.After(delay):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	if during != nil {
		during(path)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err != nil {
		return nil, f.err
	}
	if f.fails == path {
		return nil, errBroken
	}
	return f.answer(path)
}

func (f *fake) answer(path string) ([]byte, error) {
	switch path {
	case "/debug/clusterz":
		all := []RemoteCluster{{ID: "own", Status: Synced}}
		for id, s := range f.status {
			all = append(all, RemoteCluster{ID: id, Secret: "istio-system/" + id, Status: s})
		}
		return json.Marshal(all)
	case shardz:
		all := map[string]map[string]map[string]any{}
		for id, hosts := range f.services {
			for _, host := range hosts {
				if all[host] == nil {
					all[host] = map[string]map[string]any{"default": {"Shards": map[string]any{}, "ServiceAccounts": map[string]any{}}}
				}
				all[host]["default"]["Shards"].(map[string]any)["Kubernetes/"+id] = []map[string]any{{"Addresses": []string{"10.0.0.1"}, "TLSMode": "istio"}}
			}
		}
		return json.Marshal(all)
	case "/debug/networkz":
		return []byte("null"), nil
	}
	return nil, fmt.Errorf("no such path: %s", path)
}
