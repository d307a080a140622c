package main

import (
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// sleep is coreutils' sleep for machines without it: seconds, or "infinity". A signal ends it.
func sleep(args []string) int {
	if len(args) != 1 {
		fmt.Fprintln(os.Stderr, "usage: sleep SECONDS|infinity")
		return 2
	}
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGINT, syscall.SIGTERM)
	var over <-chan time.Time
	if args[0] != "infinity" {
		length, err := time.ParseDuration(args[0] + "s")
		if err != nil {
			fmt.Fprintf(os.Stderr, "sleep: %q is no number of seconds\n", args[0])
			return 2
		}
		over = time.After(length)
	}
	select {
	case <-over:
		return 0
	case s := <-stop:
		return 128 + int(s.(syscall.Signal))
	}
}
