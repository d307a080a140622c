//go:build linux

package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"time"
)

// pace says how many rounds to take: at least min, then on until max or until budget is spent.
type pace struct {
	min, max int
	budget   time.Duration
}

// contender is one of the things that are compared. A turn returns the values of one round, always as many, in an order of
// its own.
type contender struct {
	name string
	turn func(context.Context) ([]float64, error)
}

// turns lets the contenders run one after the other, round by round, each round in another order, so that none has always the
// warm caches, or the late work, of the same neighbour. The first round warms up and does not count. The result has for each
// contender its values, each a series with one value a round.
func turns(ctx context.Context, b *bench, p pace, contenders ...contender) ([][]series, error) {
	all := make([][]series, len(contenders))
	order := rand.New(rand.NewPCG(1, 2)) // the same in each run
	began := time.Now()
	for round := 0; round <= p.max; round++ {
		if round > p.min && time.Since(began) > p.budget {
			break
		}
		line := fmt.Sprintf("  round %d of %d to %d:", round, p.min, p.max)
		if round == 0 {
			line = "  warming up:"
		}
		for _, n := range order.Perm(len(contenders)) {
			runtime.GC() // nobody pays for what a neighbour left
			values, err := contenders[n].turn(ctx)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", contenders[n].name, err)
			}
			number, unit := seconds(values[0])
			line += fmt.Sprintf(" %s %s %s;", contenders[n].name, number, unit)
			if round == 0 {
				all[n] = make([]series, len(values))
				continue
			}
			for v, value := range values {
				all[n][v] = append(all[n][v], value)
			}
		}
		b.say("%s", line)
	}
	return all, nil
}
