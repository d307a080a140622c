//go:build !linux

package onlab_test

import (
	"os"
	"testing"
)

// The lab is for Linux: elsewhere these tests do not run, and say so.
func TestLab(t *testing.T) {
	const reason = "the lab runs on Linux only; MESHPEER_LAB=optional skips the tests that need one"
	if os.Getenv("MESHPEER_LAB") == "optional" {
		t.Skip(reason)
	}
	t.Fatal(reason)
}
