package preflight_test

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshpeer/meshpeer/internal/names"
	"github.com/meshpeer/meshpeer/peering/preflight"
	"github.com/meshpeer/meshpeer/probe"
)

func remoteSecret(name, key string, labels map[string]string) *corev1.Secret {
	s := &corev1.Secret{TypeMeta: meta("v1", "Secret"), ObjectMeta: named("istio-system", name), Data: map[string][]byte{key: nil}}
	s.Labels = map[string]string{"istio/multiCluster": "true"}
	for k, v := range labels {
		s.Labels[k] = v
	}
	return s
}

func setEnv(pod *corev1.Pod, name, value string) {
	c := &pod.Spec.Containers[0]
	for i := range c.Env {
		if c.Env[i].Name == name {
			c.Env[i].Value = value
			return
		}
	}
	c.Env = append(c.Env, corev1.EnvVar{Name: name, Value: value})
}

func istiodOf(w *world) *corev1.Pod { return of[*corev1.Pod](w.from, "istiod-1") }

func terminating(pod *corev1.Pod) { pod.DeletionTimestamp = &metav1.Time{Time: now} }

// canary adds an istiod of another revision, with a mesh configuration of its own.
func canary(w *world, mesh string) {
	pod := istiod("istiod-2", "cluster-2")
	setEnv(pod, "REVISION", "canary")
	w.from.add(pod, &corev1.ConfigMap{TypeMeta: meta("v1", "ConfigMap"), ObjectMeta: named("istio-system", "istio-canary"), Data: map[string]string{"mesh": mesh}})
}

func peerCases() []one {
	ours := map[string]string{"meshpeer.io/from": "cluster-2"}
	return []one{
		{"distinct-clusters", "same UID", func(w *world) { of[*corev1.Namespace](w.to, "kube-system").UID = "cluster-2-kube-system" }, probe.Failed, "are the same cluster"},
		{"distinct-clusters", "without UID", func(w *world) { of[*corev1.Namespace](w.to, "kube-system").UID = "" }, probe.Unknown, "without its UID"},
		{"distinct-clusters", "forbidden", func(w *world) { w.to.forbid("Namespace") }, probe.Unknown, "forbidden"},
		{"distinct-clusters", "no reader", func(w *world) { w.in.From.Reader = nil }, probe.Unknown, "Input.From.Reader is not given"},

		{"cluster-id-valid", "context name", func(w *world) { w.in.To.ID = "admin@cluster 1" }, probe.Failed, "cannot be a data key"},
		{"cluster-id-valid", "upper case", func(w *world) { w.in.To.ID = "Cluster_1" }, probe.Warned, "the Secret is named istio-remote-secret-cluster-1-"},
		{"cluster-id-valid", "none", func(w *world) { w.in.To.ID = "" }, probe.Unknown, "no cluster ID"},

		{"cluster-id-matches-proxies", "other", func(w *world) { setEnv(of[*corev1.Pod](w.to, "httpbin-1"), "ISTIO_META_CLUSTER_ID", "other") }, probe.Warned, `in cluster "other"`},
		{"cluster-id-matches-proxies", "default", func(w *world) { setEnv(of[*corev1.Pod](w.to, "httpbin-1"), "ISTIO_META_CLUSTER_ID", "") }, probe.Warned, `in cluster "Kubernetes"`},
		{"cluster-id-matches-proxies", "by istiod", func(w *world) { w.to.add(istiod("istiod-9", "ninth")) }, probe.Warned, `in cluster "ninth"`},
		{"cluster-id-matches-proxies", "native sidecar", func(w *world) {
			pod := of[*corev1.Pod](w.to, "httpbin-1")
			pod.Spec.InitContainers, pod.Spec.Containers = pod.Spec.Containers, nil
		}, probe.Passed, "httpbin-1"},
		{"cluster-id-matches-proxies", "no proxy", func(w *world) { w.to.remove("Pod", "httpbin-1"); w.to.remove("Pod", "eastwest-1") }, probe.Unknown, "no Pod that was read has a proxy"},
		{"cluster-id-matches-proxies", "forbidden", func(w *world) { w.to.forbid("Pod") }, probe.Unknown, "forbidden"},

		{"cluster-id-not-own", "own", func(w *world) { setEnv(istiodOf(w), "CLUSTER_ID", "cluster-1") }, probe.Failed, "overwrite the config cluster"},
		{"cluster-id-not-own", "own by proxies", func(w *world) {
			w.from.remove("Pod", "istiod-1")
			setEnv(of[*corev1.Pod](w.from, "sleep-1"), "ISTIO_META_CLUSTER_ID", "cluster-1")
		}, probe.Failed, "sleep-1"},
		{"cluster-id-not-own", "nobody tells", func(w *world) { w.from.remove("Pod", "istiod-1"); w.from.remove("Pod", "sleep-1") }, probe.Unknown, "tells its cluster ID"},
		{"cluster-id-not-own", "forbidden", func(w *world) { w.from.forbid("Pod") }, probe.Unknown, "forbidden"},

		{"cluster-id-in-use", "foreign", func(w *world) {
			w.from.add(remoteSecret("other", "cluster-1", map[string]string{"app.kubernetes.io/managed-by": "Helm"}))
		}, probe.Failed, "belongs to app.kubernetes.io/managed-by=Helm"},
		{"cluster-id-in-use", "field manager", func(w *world) {
			s := remoteSecret("other", "cluster-1", nil)
			s.ManagedFields = []metav1.ManagedFieldsEntry{{Manager: "kubectl"}}
			w.from.add(s)
		}, probe.Failed, "belongs to field manager kubectl"},
		{"cluster-id-in-use", "nobody's", func(w *world) { w.from.add(remoteSecret("other", "cluster-1", nil)) }, probe.Failed, "an unknown owner"},
		{"cluster-id-in-use", "ours", func(w *world) { w.from.add(remoteSecret("older", "cluster-1", ours)) }, probe.Failed, "it names cluster"},
		{"cluster-id-in-use", "annotation", func(w *world) {
			s := remoteSecret("other", "x", nil)
			s.Annotations = map[string]string{"networking.istio.io/cluster": "cluster-1"}
			w.from.add(s)
		}, probe.Warned, "its annotation says"},
		{"cluster-id-in-use", "the link's own", func(w *world) { w.from.add(remoteSecret("istio-remote-secret-cluster-1", "cluster-1", ours)) }, probe.Passed, "no other of 1"},
		{"cluster-id-in-use", "the link's own of an earlier name", func(w *world) {
			w.in.To.ID = "prod.eu-west"
			w.from.add(remoteSecret("istio-remote-secret-"+names.Label("prod.eu-west"), "prod.eu-west", ours))
		}, probe.Passed, "no other of 1"},
		{"cluster-id-in-use", "one of ours of both names", func(w *world) {
			w.in.To.ID = "prod.eu-west"
			w.from.add(remoteSecret("istio-remote-secret-"+names.Label("prod.eu-west"), "prod.eu-west", ours))
			w.from.add(remoteSecret("istio-remote-secret-prod.eu-west", "prod.eu-west", ours))
		}, probe.Failed, "it names cluster"},
		{"cluster-id-in-use", "forbidden", func(w *world) { w.from.forbid("Secret") }, probe.Unknown, "forbidden"},

		{"secret-name-free", "foreign", func(w *world) { w.from.add(remoteSecret("istio-remote-secret-cluster-1", "cluster-1", nil)) }, probe.Failed, "is not this link's"},
		{"secret-name-free", "no labels of ours given", func(w *world) {
			w.in.OwnLabels = nil
			w.from.add(remoteSecret("istio-remote-secret-cluster-1", "cluster-1", ours))
		}, probe.Failed, "belongs to meshpeer.io/from=cluster-2"},
		{"secret-name-free", "ours", func(w *world) { w.from.add(remoteSecret("istio-remote-secret-cluster-1", "cluster-1", ours)) }, probe.Passed, "it is this link's"},
		{"secret-name-free", "forbidden", func(w *world) { w.from.forbid("Secret") }, probe.Unknown, "forbidden"},

		{"secret-size", "too large", func(w *world) { w.in.Endpoint.CA = make([]byte, 1<<20) }, probe.Failed, "of at most 1048576"},
		{"secret-size", "no endpoint", func(w *world) { w.in.Endpoint.Server = "" }, probe.Unknown, "no endpoint"},

		{"istiod-present", "none upstream", func(w *world) { w.in.Flavour = preflight.Upstream; w.from.remove("Pod", "istiod-1") }, probe.Failed, "no Pod labelled app=istiod"},
		{"istiod-present", "none under ASM", func(w *world) { w.from.remove("Pod", "istiod-1") }, probe.Unknown, "no Pod labelled app=istiod"},
		{"istiod-present", "ended", func(w *world) { istiodOf(w).Status.Phase = corev1.PodFailed }, probe.Unknown, "no Pod labelled"},
		{"istiod-present", "terminating", func(w *world) { terminating(istiodOf(w)) }, probe.Unknown, "runs in namespace istio-system: Pod istiod-1 is terminating"},
		{"istiod-present", "terminating upstream", func(w *world) { upstream(w); terminating(istiodOf(w)) }, probe.Failed, "Pod istiod-1 is terminating"},
		{"istiod-present", "labelled otherwise", func(w *world) { upstream(w); istiodOf(w).Labels["app"] = "istiod-canary" }, probe.Failed, "Pod istiod-1 looks like an istiod (app=istiod-canary)"},
		{"istiod-present", "labelled with its revision only", func(w *world) { istiodOf(w).Labels = map[string]string{"istio.io/rev": "canary"} }, probe.Unknown, "looks like an istiod (istio.io/rev=canary)"},
		{"istiod-present", "known by its image", func(w *world) {
			istiodOf(w).Labels = map[string]string{"team": "mesh", "pod-template-hash": "x"}
			istiodOf(w).Spec.Containers[0].Name = "main"
		}, probe.Unknown, "looks like an istiod (team=mesh)"},
		{"istiod-present", "selected", func(w *world) {
			istiodOf(w).Labels["app"] = "istiod-canary"
			w.in.From.IstiodSelector = "app in (istiod-canary)"
		}, probe.Passed, "1 of 1 istiods are ready"},
		{"istiod-present", "one left out", func(w *world) {
			canary := istiod("istiod-2", "cluster-2")
			canary.Labels["app"] = "istiod-canary"
			w.from.add(canary)
		}, probe.Warned, "cluster-2 Pod/istio-system/istiod-2"},
		{"istiod-present", "another version beside a terminating one", func(w *world) {
			terminating(istiodOf(w))
			w.from.add(istiod("istiod-2", "cluster-2"))
		}, probe.Passed, "1 of 1 istiods are ready"},
		{"istiod-present", "not ready", func(w *world) { istiodOf(w).Status.Conditions = nil }, probe.Failed, "none of 1 istiods is ready"},
		{"istiod-present", "one not ready", func(w *world) {
			second := istiod("istiod-2", "cluster-2")
			second.Status.Conditions[0].Status = corev1.ConditionFalse
			w.from.add(second)
		}, probe.Warned, "istiod-2: it is not ready"},
		{"istiod-present", "forbidden", func(w *world) { w.from.forbid("Pod") }, probe.Unknown, "forbidden"},

		{"istiod-reads-secrets", "directory", func(w *world) { setEnv(istiodOf(w), "PILOT_MULTICLUSTER_KUBECONFIG_PATH", "/etc/remotes") }, probe.Failed, "/etc/remotes"},
		{"istiod-reads-secrets", "no istiod", func(w *world) { w.from.remove("Pod", "istiod-1") }, probe.Unknown, "no Pod labelled"},
		{"istiod-reads-credentials", "off", func(w *world) { setEnv(istiodOf(w), "PILOT_ENABLE_REMOTE_CREDENTIALS_CONTROLLER", "false") }, probe.Failed, "panics"},
		{"istiod-reads-credentials", "forbidden", func(w *world) { w.from.forbid("Pod") }, probe.Unknown, "forbidden"},

		{"istiod-reads-secrets", "of the second", func(w *world) {
			second := istiod("istiod-2", "cluster-2")
			setEnv(second, "PILOT_MULTICLUSTER_KUBECONFIG_PATH", "/etc/remotes")
			w.from.add(second)
		}, probe.Failed, "istiod-2"},
		{"istiod-reads-secrets", "from a ConfigMap", func(w *world) {
			istiodOf(w).Spec.Containers[0].EnvFrom = []corev1.EnvFromSource{{ConfigMapRef: &corev1.ConfigMapEnvSource{}}}
		}, probe.Unknown, "comes from elsewhere"},
		{"istiod-revisions", "networks differ", func(w *world) {
			canary(w, "trustDomain: td")
			of[*corev1.ConfigMap](w.from, "istio-canary").Data["meshNetworks"] = "networks: {network1: {gateways: [{address: 203.0.113.8, port: 15443}]}}"
		}, probe.Warned, "revisions default and canary differ in meshNetworks"},
		{"istiod-revisions", "trust domains differ", func(w *world) { canary(w, "trustDomain: other") }, probe.Warned, "differ in trustDomain"},
		{"istiod-revisions", "alike", func(w *world) { canary(w, "trustDomain: td") }, probe.Passed, "2 revisions agree"},
		{"istiod-revisions", "one unread", func(w *world) { canary(w, ""); w.from.remove("ConfigMap", "istio-canary") }, probe.Unknown, "not found"},
		{"istiod-revisions", "none", func(w *world) { w.from.remove("Pod", "istiod-1") }, probe.Unknown, "no Pod labelled"},
		{"cluster-id-not-own", "the second istiod's", func(w *world) { w.from.add(istiod("istiod-2", "cluster-1")) }, probe.Failed, "istiod-2"},
		{"rotation-hazards", "of a canary", func(w *world) {
			second := istiod("istiod-2", "cluster-2")
			second.Spec.Containers[0].Image = "pilot:1.29.1"
			w.from.add(second)
		}, probe.Warned, "1.29.1: any change"},
		{"rotation-hazards", "no istiod", func(w *world) { w.from.remove("Pod", "istiod-1") }, probe.Unknown, "no istiod was found"},
		{"rotation-hazards", "several versions", func(w *world) { w.in.IstioVersions = []string{"1.31.0", "1.29.1"} }, probe.Warned, "1.29.1: any change"},
		{"rotation-hazards", "bad version", func(w *world) { w.in.IstioVersion = "1.30.2" }, probe.Warned, "istio/istio#61043"},
		{"rotation-hazards", "by image", func(w *world) { istiodOf(w).Spec.Containers[0].Image = "reg:5000/pilot:1.29.1@sha256:0" }, probe.Warned, "#59875"},
		{"rotation-hazards", "no version", func(w *world) { w.in.IstioVersion = "latest" }, probe.Unknown, `"latest"`},
		{"rotation-hazards", "no tag", func(w *world) { istiodOf(w).Spec.Containers[0].Image = "reg:5000/pilot" }, probe.Unknown, `""`},
		{"rotation-hazards", "forbidden", func(w *world) { w.from.forbid("Pod") }, probe.Unknown, "forbidden"},

		{"asm-remote-control-plane", "not switched on", func(w *world) { w.in.From.ID = "third" }, probe.Warned, `not "third"`},
		{"asm-remote-control-plane", "documented form", func(w *world) {
			w.config.remove("ASMMeshConfig", "default")
			w.config.add(asm("ASMMeshConfig", "", "default", "externalIstiodConfigurations", "x"))
		}, probe.Unknown, "documented form"},
		{"asm-remote-control-plane", "hosted", func(w *world) { w.in.From.Hosted = true }, probe.Skipped, "managed"},
		{"asm-remote-control-plane", "no config", func(w *world) { w.in.Config = nil }, probe.Unknown, "Input.Config is not given"},
		{"asm-gateway", "none", func(w *world) { w.in.To.ID = "third" }, probe.Unknown, `no IstioGateway names cluster "third"`},
		{"asm-gateway", "not served", func(w *world) { w.config.fails["IstioGateway"] = notFound("IstioGateway") }, probe.Unknown, "not found"},
	}
}
