// Package kubeapi is the little of a typed Kubernetes client that the lab's node agent and service proxy need: REST calls
// with the types of core/v1, discovery.k8s.io/v1 and authentication.k8s.io/v1, and informers. A clientset would add some 250 packages to every
// program that starts a lab.
package kubeapi
