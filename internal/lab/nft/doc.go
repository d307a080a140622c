// Package nft writes the lab's packet-filter rules straight into the kernel: the redirection that Istio's init container
// makes in a Pod, and the wall between the clusters' networks. No iptables or nft program is needed.
package nft
