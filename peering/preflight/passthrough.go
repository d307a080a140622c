package preflight

import (
	"context"
	"strings"

	networkingapi "istio.io/api/networking/v1alpha3"
	networkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	corev1 "k8s.io/api/core/v1"
)

// gatewayPods are the Pods behind the labelled Services.
func (f *facts) gatewayPods(ctx context.Context) ([]*corev1.Pod, error) {
	services, err := f.networkServices(ctx)
	if err != nil {
		return nil, err
	}
	var all []*corev1.Pod
	for _, s := range services {
		if len(s.Spec.Selector) == 0 {
			continue
		}
		found, err := list(ctx, f.to, pods(s.Namespace), selectorOf(s.Spec.Selector))
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	return all, nil
}

// gatewayPassthrough looks for the Gateway that lets calls through by their SNI, unopened
// (Istio samples/multicluster/expose-services.yaml).
func gatewayPassthrough(ctx context.Context, f *facts) []verdict {
	mesh := f.meshOf(f.to)
	objects, err := f.gatewayObjects(ctx)
	if err != nil {
		return one(unread(mesh.name, err))
	}
	const remedy = "apply Istio's samples/multicluster/expose-services.yaml (with ASM: to the ASM instance)"
	services, servicesErr := f.networkServices(ctx)
	pods, podsErr := f.gatewayPods(ctx)
	why := "no Gateway has a server with tls.mode AUTO_PASSTHROUGH"
	for _, o := range objects {
		for _, server := range o.Spec.Servers {
			if server.GetTls().GetMode() != networkingapi.ServerTLSSettings_AUTO_PASSTHROUGH {
				continue
			}
			switch subject := mesh.object(o); {
			case !f.exposes(o, server.Hosts):
				why = subject + " does not cover the service: its hosts are " + strings.Join(server.Hosts, ", ")
			case servicesErr == nil && len(services) > 0 && !onPort(services, server.GetPort().GetNumber()):
				why = subject + " listens on another port than the gateway Service"
			case podsErr == nil && len(pods) > 0 && !anyWithin(o.Spec.Selector, pods):
				why = subject + " selects none of the gateway's Pods"
			case servicesErr != nil || podsErr != nil || len(pods) == 0:
				return one(unknown(subject, "make the gateway's Service and Pods readable", "it lets calls through, but whether on the gateway of %s could not be seen", f.to.name))
			default:
				return one(pass(subject, "it lets calls to %s through", strings.Join(server.Hosts, ", ")))
			}
		}
	}
	return one(f.missing(mesh.name, remedy, "%s", why))
}

// exposes says whether the hosts of a server cover the service; without one, whether they cover any service.
func (f *facts) exposes(o *networkingv1.Gateway, hosts []string) bool {
	for _, host := range hosts {
		in, name, qualified := strings.Cut(host, "/")
		if !qualified {
			in, name = "*", host
		}
		switch {
		case f.Workload == nil:
			return true
		case in == "." && o.Namespace != f.Workload.Namespace, in != "*" && in != "." && in != f.Workload.Namespace:
		case covers(name, f.Workload.host()):
			return true
		}
	}
	return false
}

// onPort says whether a gateway's Service leads to the port, by itself or by its target port. That the Service has its own
// port at all is another check's concern.
func onPort(services []*corev1.Service, port uint32) bool {
	for _, s := range services {
		own := gatewayPort(s)
		if uint32(own) == port {
			return true
		}
		for _, p := range s.Spec.Ports {
			if p.Port == own && p.TargetPort.IntValue() != 0 && uint32(p.TargetPort.IntValue()) == port {
				return true
			}
		}
	}
	return false
}

func anyWithin(selector map[string]string, pods []*corev1.Pod) bool {
	for _, pod := range pods {
		if within(selector, pod.Labels) {
			return true
		}
	}
	return false
}
