package preflight

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"

	"github.com/meshpeer/meshpeer/internal/istiod"
)

// samePorts compares what makes both Services one (Istio analyzer IST0170, without its comparison of node ports).
func samePorts(ctx context.Context, f *facts) []verdict {
	from, err := f.service(ctx, f.from)
	if err != nil {
		return one(unread(f.from.name, err))
	}
	to, err := f.service(ctx, f.to)
	if err != nil {
		return one(unread(f.to.name, err))
	}
	subject := fmt.Sprintf("Service/%s/%s", from.Namespace, from.Name)
	const remedy = "make the Services alike in both clusters"
	var found []verdict
	differ := func(what string, a, b any) verdict {
		return fail(subject, remedy, "%s is %v in %s and %v in %s", what, a, f.from.name, b, f.to.name)
	}
	if f.Workload.Port != 0 && portOf(from, f.Workload.Port) == nil {
		found = append(found, fail(subject, "name one of its ports", "port %d is none of the Service's", f.Workload.Port))
	}
	for _, p := range from.Spec.Ports {
		if f.Workload.Port != 0 && p.Port != f.Workload.Port {
			continue
		}
		other := portOf(to, p.Port)
		switch {
		case other == nil:
			found = append(found, fail(subject, remedy, "port %d of %s does not exist in %s", p.Port, f.from.name, f.to.name))
		case protocol(p) != protocol(*other):
			found = append(found, differ(fmt.Sprintf("protocol of port %d", p.Port), protocol(p), protocol(*other)))
		case p.Name != other.Name:
			found = append(found, differ(fmt.Sprintf("name of port %d", p.Port), quoted(p.Name), quoted(other.Name)).as(Warns))
		case value(p.AppProtocol) != value(other.AppProtocol):
			found = append(found, differ(fmt.Sprintf("appProtocol of port %d", p.Port), quoted(value(p.AppProtocol)), quoted(value(other.AppProtocol))).as(Warns))
		}
	}
	if from.Spec.Type != to.Spec.Type {
		found = append(found, differ("type", from.Spec.Type, to.Spec.Type).as(Warns))
	}
	if a, b := headless(from), headless(to); a != b {
		found = append(found, differ("headless", a, b).as(Warns))
	}
	return or(found, pass(subject, "ports and type are alike"))
}

func portOf(s *corev1.Service, port int32) *corev1.ServicePort { return istiod.ServicePort(s, port) }

// protocol is TCP by default.
func protocol(p corev1.ServicePort) corev1.Protocol {
	if p.Protocol == "" {
		return corev1.ProtocolTCP
	}
	return p.Protocol
}

func headless(s *corev1.Service) bool { return s.Spec.ClusterIP == corev1.ClusterIPNone }

func quoted(s string) string { return fmt.Sprintf("%q", s) }

func value(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
