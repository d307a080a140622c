package traffic

import (
	"context"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"

	"github.com/meshpeer/meshpeer/internal/istio"
	"github.com/meshpeer/meshpeer/peering/istiod"
	"github.com/meshpeer/meshpeer/probe"
)

// client is the pod that asks. Its app and its proxy are of one pod: what the proxy counts must be what the app asked.
type client struct {
	pod   *corev1.Pod
	curl  probe.Curl
	proxy probe.PilotAgent
}

// choose finds the client. Without one nothing above can be seen, which is no failure of the link.
func (l *levels) choose(ctx context.Context) (*client, probe.Result) {
	fail := func(err error, hint string) (*client, probe.Result) {
		return nil, probe.Result{Status: probe.Unknown, Summary: "there is no client to ask from: " + err.Error(), Hint: hint, Err: err}
	}
	if l.from.Exec == nil {
		return fail(l.from.noExec(), "make the Cluster with Connect, or fill Cluster.Exec")
	}
	pod, err := l.from.runningPod(ctx, l.Namespace, l.Client)
	if err != nil {
		return fail(err, fmt.Sprintf("run Deployment %s/%s in %s, injected and with curl, or name another in Workload.Client", l.Namespace, l.Client, l.from.ID))
	}
	app, err := appContainer(pod)
	if err != nil {
		return fail(err, "correct the annotation "+defaultContainer)
	}
	if pod.Annotations["ambient.istio.io/redirection"] == "enabled" {
		return fail(errors.New("pod "+pod.Name+" is in ambient mode, which this check cannot look into"), "ask from a pod with a sidecar")
	}
	if sidecarOf(pod) == nil {
		return nil, probe.Result{
			Status: probe.Failed, Summary: "pod " + pod.Name + " has no sidecar, so the mesh does not route its requests",
			Hint: "label its namespace istio-injection=enabled, or with the revision, and restart the pod",
		}
	}
	return &client{
		pod: pod, curl: probe.Curl{In: l.from.Exec(pod.Namespace, pod.Name, app)},
		proxy: probe.PilotAgent{In: l.from.Exec(pod.Namespace, pod.Name, sidecar)},
	}, probe.Result{}
}

// identity of a pod as its certificate has it. The trust domain is what injection told its sidecar (Istio
// manifests/charts/istio-control/istio-discovery/files/injection-template.yaml).
func identityOf(pod *corev1.Pod) probe.SPIFFEID {
	domain := "cluster.local"
	if c := sidecarOf(pod); c != nil {
		for _, env := range c.Env {
			if env.Name == "TRUST_DOMAIN" && env.Value != "" {
				domain = env.Value
			}
		}
	}
	account := pod.Spec.ServiceAccountName
	if account == "" {
		account = "default"
	}
	id, _ := probe.ParseSPIFFEID("spiffe://" + domain + "/ns/" + pod.Namespace + "/sa/" + account) // zero if odd: not compared then
	return id
}

// clientKind is how a client reaches a gateway: a sidecar by mutual TLS on port 15443, an ambient one by HBONE.
type clientKind string

const (
	sidecarClient clientKind = "a sidecar"
	ambientClient clientKind = "an ambient client"
)

// clientKind is a sidecar's, as Workload.Client asks for, unless the pod is seen to be of the ambient mesh.
func (l *levels) clientKind(ctx context.Context) clientKind {
	pod, err := l.from.runningPod(ctx, l.Namespace, l.Client)
	if err == nil && sidecarOf(pod) == nil && pod.Annotations["ambient.istio.io/redirection"] == "enabled" {
		return ambientClient
	}
	return sidecarClient
}

func (k clientKind) canUse(g istiod.NetworkGateway) bool {
	if k == ambientClient {
		return g.HBONEPort != 0
	}
	return g.Port != 0 && g.Port != g.HBONEPort && g.Port != int(istio.HBONEPort)
}

func (k clientKind) need() string {
	if k == ambientClient {
		return "ambient clients need a gateway that accepts HBONE on port 15008: create a Gateway of class istio-east-west"
	}
	return "sidecars need a gateway that passes through mutual TLS on port 15443: install an east-west gateway with that port"
}
