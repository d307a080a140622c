// Package sampled thins out tables of thousands of test cases where each is 15 times as slow, which is under the race detector. It
// watches the same code in every case. What a case is about, such as which write of many fails, is tried for all of them without
// it: make unit runs the packages that sample a second time, see SAMPLED in the Makefile.
package sampled

// Take says whether case i of a table is run: every one, or one of 8.
func Take(i int) bool { return !raced || i%8 == 0 }
