package preflight

import (
	"context"

	corev1 "k8s.io/api/core/v1"
)

// istiodPresent looks for the control plane in the namespace that the Secret goes to.
func istiodPresent(ctx context.Context, f *facts) []verdict {
	istiods, err := f.from.istiods(ctx)
	if err != nil {
		return one(unread(f.from.name, err))
	}
	if len(istiods) == 0 {
		return one(f.missing(f.from.name, "finish the set-up of the control plane there first, or give its namespace",
			"no Pod labelled app=istiod in namespace %s", f.from.Namespace))
	}
	var found []verdict
	ready := 0
	for _, pod := range istiods {
		if isReady(pod) {
			ready++
			continue
		}
		found = append(found, fail(f.from.object(pod), "look at its events and log: each replica reads remote secrets for itself", "it is not ready").as(Warns))
	}
	if ready == 0 {
		return one(fail(f.from.name, "look at their events and logs", "none of %d istiods is ready", len(istiods)))
	}
	return or(found, pass(f.from.name, "%d of %d istiods are ready", ready, len(istiods)))
}

// missing is a failure upstream, and unknown under ASM, where the thing may have another name.
func (f *facts) missing(subject, remedy, evidence string, args ...any) verdict {
	if f.Flavour == Upstream {
		return fail(subject, remedy, evidence, args...)
	}
	return unknown(subject, remedy+"; ASM may name it otherwise", evidence, args...)
}

func isReady(pod *corev1.Pod) bool {
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodReady {
			return c.Status == corev1.ConditionTrue
		}
	}
	return false
}

// istiodReadsSecrets: with a directory of kubeconfigs istiod looks at no Secret, from 1.30 on.
func istiodReadsSecrets(ctx context.Context, f *facts) []verdict {
	return f.istiodSetting(ctx, "PILOT_MULTICLUSTER_KUBECONFIG_PATH", func(value string) bool { return value != "" },
		"write the kubeconfig into that directory, or unset the variable", "it reads kubeconfigs from %s=%s and no Secret")
}

// istiodReadsCredentials: without its credentials controller istiod 1.31 panics at the first remote secret, as seen on a
// running one (Istio pilot/pkg/credentials/kube/multicluster.go).
func istiodReadsCredentials(ctx context.Context, f *facts) []verdict {
	return f.istiodSetting(ctx, remoteCredentials, func(value string) bool { return value == "false" },
		"unset it before a remote secret exists", "with %s=%s it panics as soon as there is a remote secret")
}

const remoteCredentials = "PILOT_ENABLE_REMOTE_CREDENTIALS_CONTROLLER"

func (f *facts) istiodSetting(ctx context.Context, name string, bad func(string) bool, remedy, evidence string) []verdict {
	istiods, err := f.from.istiods(ctx)
	if err != nil {
		return one(unread(f.from.name, err))
	}
	if len(istiods) == 0 {
		return one(unknown(f.from.name, "give the namespace in which istiod runs", "no Pod labelled app=istiod in namespace %s", f.from.Namespace))
	}
	var found []verdict
	for _, pod := range istiods {
		if value := env(discovery(pod), name); bad(value) {
			found = append(found, fail(f.from.object(pod), remedy, evidence, name, value))
		}
	}
	return or(found, pass(f.from.name, "%s is not in the way of %d istiods", name, len(istiods)))
}
