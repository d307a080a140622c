// Package node is a small kubelet: it runs the Pods of one Node as plain processes and answers the API server's requests
// for exec and logs.
//
// A Pod lives in a [Sandbox] (network, names, host name of its own). A container is a process whose working directory
// stands for the image's root: volumes are links below it, so programs that know their files by relative paths, as
// pilot-agent does, find them. Images are those of [Config.Images] only. Supported are init containers, sidecar
// containers (restartPolicy Always), startup and readiness probes (httpGet, tcpSocket, exec), preStop commands, grace,
// restarts, the environment with downward API, and the volumes emptyDir, configMap, secret, downwardAPI and projected.
// Resources, users, liveness probes and read-only mounts are passed over.
//
// It replaces virtual-kubelet's node package, which leaves volumes, init containers, probes and restarts to
// its provider, and brings 280 packages to every program that starts a lab.
package node
