package onboard

import (
	"context"
	"errors"
	"maps"

	"github.com/meshpeer/meshpeer/examples/asm-onboard/asmapi"
)

// network sets the networks that mesh.yaml names. ASM gets the whole map with the other entries as they were, and is asked
// afterwards: a change that somebody else makes between the two is seen, but may be lost.
func (r *run) network(ctx context.Context) error {
	live, err := r.API.DescribeMeshMultiClusterNetwork(ctx, r.Mesh.Instance)
	if err != nil {
		return err
	}
	wanted := maps.Clone(live)
	if wanted == nil {
		wanted = map[string]asmapi.Network{}
	}
	var changes []Change
	for _, m := range r.Mesh.Clusters {
		if m.Network == nil {
			continue
		}
		id := m.ID.String()
		entry, there := live[id]
		wanted[id] = m.Network.over(entry)
		if !there || !entry.Same(wanted[id]) {
			changes = append(changes, Change{Step: "network", Cluster: id, Done: r.write, What: m.Network.String()})
		}
	}
	if len(changes) > 0 && r.write {
		if err := r.API.UpdateMeshMultiClusterNetwork(ctx, r.Mesh.Instance, wanted); err != nil {
			return err
		}
		if err := r.isSet(ctx, wanted); err != nil {
			return err
		}
	}
	r.result.Changes = append(r.result.Changes, changes...)
	return nil
}

// isSet waits until the networks read as they were written.
func (r *run) isSet(ctx context.Context, wanted map[string]asmapi.Network) error {
	off := ""
	err := r.poll(ctx, r.Timeout, 1, func() (bool, error) {
		live, err := r.API.DescribeMeshMultiClusterNetwork(ctx, r.Mesh.Instance)
		off = ""
		for id, n := range wanted {
			if !live[id].Same(n) && (off == "" || id < off) {
				off = id
			}
		}
		return off == "", err
	})
	if err == nil && off != "" {
		return &Error{Cluster: off, Err: errors.New("ASM took the networks, and shows others"), Hint: "see whether somebody else changes them; run it again"}
	}
	return err
}
