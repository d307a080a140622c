//go:build !linux

package main

import "errors"

func guarded([]string) (int, error) { return 0, errors.New("it needs Linux") }

func inside([]string) int { return 1 }
