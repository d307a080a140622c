// Package v1alpha1 has the API of the controller: Mesh, a set of clusters that are kept peered.
//
// Its deepcopy functions and its CRD are generated:
//
//	go generate ./api/v1alpha1
//
// +kubebuilder:object:generate=true
// +groupName=meshpeer.io
package v1alpha1

//go:generate go tool controller-gen object paths=.
//go:generate go tool controller-gen crd:maxDescLen=400 paths=. output:crd:dir=../../config/crd
