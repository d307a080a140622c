// Package network gives each pod of the lab a network of its own, and starts processes in it.
//
// A [Network] is that of one cluster: a bridge in the program's network namespace with a namespace for each pod ([New]), or
// addresses of 127.0.0.0/8 where namespaces are forbidden. A [Box] is that of one pod; with [Views] the pod also sees files
// and a host name of its own. The [Spawner] starts processes in a Box, and they end with the program.
package network
