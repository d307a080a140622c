package rbac

// shape is what tells one version of the charts' reader role from another.
// All else is the same in Istio 1.19 to 1.31 and in ASM's document.
type shape struct {
	newConfigGroups bool // telemetry.istio.io and extensions.istio.io
	readConfigMaps  bool // for the trust domain in the mesh configuration
	gatewayClasses  bool
	writeConfigMaps bool // for a cluster that the istiod serves
	webhooks        bool // likewise
}

// asmShape is ASM's document "Mutual access between remote and managed control
// plane workloads": close to the charts of 1.22 to 1.25 for a served cluster,
// with gateway classes and without the webhook rules.
func asmShape() shape {
	return shape{newConfigGroups: true, gatewayClasses: true, writeConfigMaps: true}
}

// upstreamShape is the chart of Istio 1.<minor>, release branch by release
// branch: telemetry and extensions came with 1.22; reading ConfigMaps came with
// 1.26, was taken back for 1.27 and 1.28, and came again with 1.29.
func upstreamShape(minor int, served bool) shape {
	return shape{
		newConfigGroups: minor >= 22,
		readConfigMaps:  minor == 26 || minor >= 29,
		writeConfigMaps: served,
		webhooks:        served,
	}
}
