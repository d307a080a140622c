//go:build !linux

package matrix_test

import "testing"

// The lab is for Linux.
func TestMatrix(t *testing.T) { t.Fatal("the lab runs on Linux only") }
