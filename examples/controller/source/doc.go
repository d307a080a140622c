// Package source finds the members of a Mesh: in a file, in a ConfigMap, in Secrets that hold a kubeconfig, those of Cluster
// API among them, or in ClusterProfiles.
//
// # What may be in a kubeconfig
//
// Whoever may write a Secret of a Mesh's namespace chooses what the controller connects to, and no more than that: a
// kubeconfig of a Secret that runs a plugin, or names files of the controller's own file system (its own token is one), or
// does without verifying the server, is refused. One in the controller's own directory (-members-dir) may do the first two: who
// fills that runs the controller.
//
// # Formats
//
// The form of a file is that of examples/fleet: clusters with an id and a context of the kubeconfig beside it. A ConfigMap has
// it in key members.yaml, where a cluster names a Secret in place of a context. Annotations say of Secrets and ClusterProfiles
// what fields say there: see AnnotationID and those beside it.
//
// Cluster API writes <name>-kubeconfig with the key value and label cluster.x-k8s.io/cluster-name (util/secret/consts.go,
// secret.go), and gives that label to its certificates too, which are passed over.
//
// ClusterProfiles are read as KEP-4322 and KEP-5339 describe them, and as sigs.k8s.io/cluster-inventory-api has them
// (apis/v1alpha1, pkg/access): status.accessProviders names servers, and what is in status.credentialProviders of older
// managers is taken where that is missing. Such a provider holds no credential. Here it is the token of the Secret with the
// profile's name in the profile's namespace (key token: what that project's secretreader plugin does), so no program has to be
// run. Arguments and environment that a profile brings for a plugin are ignored, as is that project's default. This was read in
// source; it has run against no cluster manager.
package source
