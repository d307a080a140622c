//go:build linux

package main

import (
	"context"
	"fmt"

	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/rbac"
	"github.com/meshpeer/meshpeer/secrets"
)

// callsPerLink of the loop: five writes, a read of the token, and three reads to see that it works.
const callsPerLink = 9

// atATime is how many links the loop works on at a time: as many as peering.Peering does by default (Concurrency).
const atATime = 64

// loop does the least that a program could do for the links: it renders the reader, builds the Secret, parses it, and waits
// for nine calls one after the other. It reads nothing, proves nothing and undoes nothing.
func loop(ctx context.Context, links []peering.Link) error {
	slots := make(chan struct{}, atATime)
	return each(len(links), func(i int) error {
		slots <- struct{}{}
		defer func() { <-slots }()
		return loopLink(ctx, links[i])
	})
}

func loopLink(ctx context.Context, l peering.Link) error {
	if _, err := rbac.Render(rbac.Options{Name: "reader-" + l.From.ID.String(), ServiceAccount: "reader-" + l.From.ID.String()}); err != nil {
		return err
	}
	secret, err := secrets.Build(secrets.Remote{Cluster: l.To.ID.String(), Endpoint: l.To.Endpoint, Token: loopToken}, secrets.Options{})
	if err != nil {
		return err
	}
	for range callsPerLink {
		if err := wait(ctx); err != nil {
			return err
		}
	}
	remotes, err := secrets.Parse(secret)
	if err == nil && len(remotes) != 1 {
		err = fmt.Errorf("a Secret of %d clusters", len(remotes))
	}
	return err
}
