// Package kube adapts client-go's REST client to the small seams of meshpeer: typed objects of a fixed set of kinds without
// discovery, service-account tokens, and connections into pods. Typed clients would bring 150 packages more, and the dynamic
// one decodes each object twice.
package kube
