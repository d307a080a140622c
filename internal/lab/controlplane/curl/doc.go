// Package curl stands in for curl in the lab's Pods on machines without one: plain HTTP/1.1, one URL, and of curl's options
// those that probes use. Output, exit codes and the messages' first words are curl's; a test compares them with the real
// one.
package curl
