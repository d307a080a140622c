// Package depcheck holds the test that guards what the public packages import: how much, and what of ours.
package depcheck
