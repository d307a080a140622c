//go:build !linux

// Command bench needs Linux: its clusters live in network namespaces or on addresses of 127.0.0.0/8.
package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Fprintln(os.Stderr, "bench: the lab runs on Linux only")
	os.Exit(1)
}
