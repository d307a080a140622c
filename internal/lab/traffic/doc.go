// Package traffic proves the lab's data plane: what Pods can reach, how they run, and what the API server relays to them.
package traffic
