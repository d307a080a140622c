package preflight

import (
	"context"
	"strings"
)

// locality explains why answers may all be local: that is a setting, no fault, but even shares will not be seen.
func locality(ctx context.Context, f *facts) []verdict {
	mesh := f.meshOf(f.from)
	rules, err := f.rulesFor(ctx)
	if err != nil {
		return one(unread(mesh.name, err))
	}
	svc, err := f.service(ctx, f.from)
	if err != nil {
		return one(unread(f.from.name, err))
	}
	const remedy = "expect the local side to answer while it can"
	meshWide := true // Istio mesh/v1alpha1 localityLbSetting.enabled is true by default
	if m, err := f.from.mesh(ctx); err == nil && m.GetLocalityLbSetting().GetEnabled() != nil {
		meshWide = m.GetLocalityLbSetting().GetEnabled().GetValue()
	}
	var found []verdict
	for _, r := range rules {
		policy := r.Spec.GetTrafficPolicy()
		setting, on := policy.GetLoadBalancer().GetLocalityLbSetting(), meshWide
		if setting != nil {
			on = setting.GetEnabled() == nil || setting.GetEnabled().GetValue()
		}
		if on && policy.GetOutlierDetection() != nil {
			found = append(found, fail(mesh.object(r), remedy, "it has outlier detection, which turns locality load balancing on"))
		}
	}
	distribution := value(svc.Spec.TrafficDistribution)
	if annotation := svc.Annotations["networking.istio.io/traffic-distribution"]; annotation != "" {
		distribution = annotation
	}
	if distribution != "" && !strings.EqualFold(distribution, "Any") {
		found = append(found, fail(f.from.object(svc), remedy, "its traffic distribution is %s", distribution))
	}
	return or(found, pass(f.from.name, "nothing prefers the local side"))
}
