//go:build race

package sampled

const raced = true
