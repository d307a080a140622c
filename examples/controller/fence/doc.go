// Package fence keeps two controllers from working on one cluster at once.
//
// The Lease by which controller-runtime elects its leader does not: a leader that was cut off goes on for as long as its
// context lives, and undoes what it began on time of its own (peering: 30 seconds) while its successor is at work already.
// Both would mint. So whoever is about to change what opens a cluster takes a second Lease first, one for that cluster, the
// link's To:
//
//	held, release, err := fences.Hold(ctx, link.To.ID)
//	if err != nil { … }                 // *HeldError: come back later
//	defer release()
//	report, err := p.Ensure(held, link) // ends in time if the Lease cannot be renewed
//
// The holder's context ends Margin before anybody else may take over. Nobody compares clocks: a holder counts from the moment
// at which it sent its last renewal, a contender from the moment at which it first saw the record as it is (as client-go's
// leader election does, tools/leaderelection). A clock that runs backwards or an hour late changes nothing; one that runs at
// another rate is what the margin is for.
//
// What a fence cannot do is call back a request that is on its way. That is why every write of package peering carries the
// resourceVersion it expects, and why the first one of a link is a create.
package fence
