//go:build linux

package progress

import (
	"fmt"
	"time"
)

// Every calls tell once a second, from a goroutine of its own, until stop is called. tell does not run any more when stop
// returns.
func Every(tell func()) (stop func()) {
	done, gone := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(gone)
		ticker := time.NewTicker(time.Second)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				tell()
			case <-done:
				return
			}
		}
	}()
	return func() { close(done); <-gone }
}

// About rounds a time for people: "5 s", "40 s", "3 minutes".
func About(d time.Duration) string {
	const coarse = 10 * time.Second
	switch s := max(0, d).Seconds(); {
	case d < coarse:
		return fmt.Sprintf("%.0f s", s)
	case d < 95*time.Second:
		return fmt.Sprintf("%.0f s", max(0, d).Round(coarse).Seconds())
	default:
		return fmt.Sprintf("%.0f minutes", s/60)
	}
}
