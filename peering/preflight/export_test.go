package preflight

import (
	"context"
	"slices"
)

// RunCheck makes one check alone, without reading ahead for the others.
func RunCheck(ctx context.Context, in Input, id string) []Finding {
	i := slices.IndexFunc(table, func(c check) bool { return c.ID == id })
	return table[i].append(nil, table[i].guarded(ctx, NewChecker().facts(in)))
}
