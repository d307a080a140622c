// Package depcheck holds the tests that guard what the public packages import, how much and what of ours, and how wide they are.
package depcheck
