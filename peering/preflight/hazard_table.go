package preflight

// AllHazards lists every known hazard. "First version free of it" is the first release with the fix.
func AllHazards() []Hazard {
	return []Hazard{
		hazard("not-picked-up", Restart, "istio/istio#34210, #37925, #39388, #36337",
			"a refreshed remote secret may not be picked up, or the previous cluster not be stopped",
			"restart istiod after rotating", between("1.10.0", "1.14.0")),
		hazard("stop-then-start", Warn, "istio/istio#36365",
			"the cluster is stopped before it is read anew: its endpoints are gone for a while, and for good if the new kubeconfig is refused",
			"expect a short gap of endpoints, and validate the Secret before it is written", between("1.0.0", "1.30.0")),
		hazard("second-secret-ignored", Warn, "istio/istio#58047",
			"a correct Secret that follows a bad one may not be picked up",
			"delete the bad Secret first, and restart istiod if it is not synced in a minute", between("1.27.1", "1.27.2")),
		hazard("controller-deadlock", Restart, "istio/istio#59875",
			"any change of a remote secret stops the secret controller for ever: later changes are not seen",
			"upgrade to 1.29.3, or restart istiod after every rotation", between("1.29.0", "1.29.3")),
		hazard("registry-deadlock", Restart, "istio/istio#60612",
			"the new registry may never start: the rotated Secret is ignored",
			"upgrade to 1.30.3, or restart istiod after every rotation", between("1.30.0", "1.30.3")),
		hazard("shards-wiped", Restart, "istio/istio#61043",
			"the endpoints of services that do not change are lost for ever, though the cluster is synced",
			"upgrade, or restart istiod after every rotation and look for the endpoints", between("1.30.0", "1.30.4"), between("1.31.0-alpha.0", "1.31.0-alpha.2")),
		hazard("gateway-vanishes", Restart, "istio/istio#60920",
			"the network gateway of the cluster is lost",
			"upgrade, or restart istiod after every rotation and look for the gateway", between("1.30.0", "1.30.4"), between("1.31.0-alpha.0", "1.31.0-alpha.2")),
		when("the reader lacks a right that istiod needs", hazard("swap-never-ends", Refuse, "Istio pkg/kube/multicluster/cluster.go, HasSynced",
			"istiod changes over when the new client has synced, which it never does: the old token stays in use until it dies",
			"complete the reader's role before rotating", between("1.30.0", ""))),
		when(remoteCredentials+"=false", hazard("credentials-controller-off", Refuse, "seen on a running istiod 1.31",
			"istiod panics as soon as there is a remote secret", "unset the variable", between("1.31.0-alpha.0", ""))),
	}
}

func hazard(id string, do Measure, source, what, remedy string, spans ...[2]release) Hazard {
	h := Hazard{ID: id, What: what, Source: source, Do: do, Remedy: remedy, spans: spans}
	for _, s := range spans {
		text := s[0].String() + " <= v"
		if s[1] != (release{}) {
			text += " < " + s[1].String()
		}
		h.Ranges = append(h.Ranges, text)
	}
	return h
}

func when(condition string, h Hazard) Hazard {
	h.When = condition
	return h
}

// between is the span from the first version on, up to but without the second; an empty one is none.
func between(first, free string) [2]release {
	from, _ := parseRelease(first)
	to, _ := parseRelease(free)
	return [2]release{from, to}
}
