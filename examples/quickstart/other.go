//go:build !linux

// Command quickstart needs Linux: its clusters live in network namespaces or on addresses of 127.0.0.0/8.
package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Fprintln(os.Stderr, "quickstart: the lab runs on Linux only; the SDK itself runs everywhere")
	os.Exit(1)
}
