// Package lab runs real clusters on this machine: kube-apiserver, etcd, kube-controller-manager and istiod as plain
// processes of one binary, built once from their own Go modules and kept in the user's cache.
//
// A program (or a TestMain) calls [Enter] first. Outside, Enter looks at the machine and says what it lacks, builds what is
// missing, waits until no other lab runs on the machine, and starts the program a second time inside network, mount and PID
// namespaces of its own; inside, it returns and the program goes on. [Start] then starts the clusters:
//
//	func main() {
//		if err := lab.Enter(lab.EnterOptions{}); err != nil { … }
//		l, err := lab.Start(ctx, lab.Options{})
//		defer l.Close()
//		cluster := l.Cluster("cluster-1") // cluster.Config is a rest.Config of its administrator
//	}
//
// Inside, the picture is this, for the default two clusters (10.2.0.0/16 and two istiods for the second one):
//
//	the program, PID 1 ── bridge lab1 10.1.0.1 ── 10.1.0.2:6443  kube-apiserver (etcd behind a unix socket, kcm)
//	                          │                   10.1.0.1:10250 node agent, a part of the program
//	                          └── network namespace 10.1.0.11    istiod, in the API the Pod istio-system/istiod-1
//
// Each istiod is also a Ready Pod, and pods/portforward to it works as on a real cluster: API server, node agent, and
// then 127.0.0.1 inside the network namespace of the Pod.
//
// With [Options.DataPlane] Pods run, and traffic flows:
//
//	curl in sleep ── its Envoy ── 10.0.2.1:15443 load balancer ── Envoy of the gateway Pod ── httpbin's Envoy ── httpbin
//	└───────── cluster-1 ─────┘   (this program)                 └──────────────── cluster-2 ──────────────────────┘
//
// The node agent runs Pods as processes (package node), istiod's own webhook injects the sidecars, Deployments and
// EndpointSlices are kube-controller-manager's, Envoy is a stock one (package envoy), names and ClusterIPs are served by
// this program (package service), and packet-filter rules do what istio-init does and keep the clusters' Pods apart
// (package nft). A sidecar is known to the filter by a socket mark in place of a user ID, so that one user is enough.
// Where a file of the machine would tell a container something else, it has its own: /etc/resolv.conf and the host name.
//
// The rooms of the house, each a package; imports go down this list:
//
//	lab                          what tests and programs import
//	clusters                     clusters with their istiods, the node agent, injection, the scenario
//	dataplane, node, service     Pods, names and Services
//	enter                        outside and inside: the look at the machine, turn, supervisor, janitor
//	build, envoy                 what must be there first, and how it is made or fetched
//	network, nft                 bridges, namespaces, the packet filter
//	store, progress, audit, pki  files that nobody else can change; what people see; small tools
//
// Three processes are the program itself: the supervisor that the user started, which stays outside, passes signals on and
// ends everything when its own parent ends; the program inside; and a janitor, which waits for the lock of the state
// directory that all others share and removes the directory when the last of them is gone. Every child dies with its
// parent, so kill -9 of any of them leaves nothing.
//
// Where namespaces are forbidden the same processes run on addresses of 127.0.0.0/8 with free ports, and where the kernel
// lacks nf_tables they run without a data plane. The state directory has mode 0700: it holds credentials.
//
// Tests fail where there can be no lab. With [EnvRequired] set to "optional" they skip, each with the reason.
//
// The package is for programs, not for libraries: Enter ends the outer process. Linux only.
package lab
