package rbac

import (
	"slices"
	"strings"
	"sync"
)

// resourceInfo is what is known of a resource.
type resourceInfo struct {
	group, name  string
	scope        string // "N" namespaced, "C" cluster-scoped, "V" asked for by the API server itself and never served
	short        []string
	subresources []string
	verbs        []string // of a "V": those that the API server asks for
}

// builtin lists the groups that Kubernetes 1.19 to 1.36 serve, completely: group, resource, scope, short names and
// subresources (Kubernetes api/discovery/aggregated_v2.json; subresources of nodes from pkg/kubelet/server/auth.go; nodeclient
// and selfnodeclient, which the approver of certificates asks for, from pkg/controller/certificates/approver/sarapprove.go;
// endpoints/restricted from plugin/pkg/auth/authorizer/rbac/bootstrappolicy/controller_policy.go).
// "-" is the core group, or nothing.
const builtin = `
- bindings N - -
- componentstatuses C cs -
- configmaps N cm -
- endpoints N ep restricted
- events N ev -
- limitranges N limits -
- namespaces C ns finalize,status
- nodes C no checkpoint,configz,healthz,log,metrics,pods,proxy,spec,stats,status
- persistentvolumeclaims N pvc status
- persistentvolumes C pv status
- pods N po attach,binding,ephemeralcontainers,eviction,exec,log,portforward,proxy,resize,status
- podtemplates N - -
- replicationcontrollers N rc scale,status
- resourcequotas N quota status
- secrets N - -
- serviceaccounts N sa token
- services N svc proxy,status
- users V - - impersonate
- groups V - - impersonate
admissionregistration.k8s.io mutatingadmissionpolicies C - -
admissionregistration.k8s.io mutatingadmissionpolicybindings C - -
admissionregistration.k8s.io mutatingwebhookconfigurations C - -
admissionregistration.k8s.io validatingadmissionpolicies C - status
admissionregistration.k8s.io validatingadmissionpolicybindings C - -
admissionregistration.k8s.io validatingwebhookconfigurations C - -
apiextensions.k8s.io customresourcedefinitions C crd,crds status
apiregistration.k8s.io apiservices C - status
apps controllerrevisions N - -
apps daemonsets N ds status
apps deployments N deploy rollback,scale,status
apps replicasets N rs scale,status
apps statefulsets N sts scale,status
authentication.k8s.io selfsubjectreviews C - -
authentication.k8s.io tokenreviews C - -
authentication.k8s.io groups V - - impersonate:user-info
authentication.k8s.io nodes V - - impersonate:arbitrary-node,impersonate:associated-node
authentication.k8s.io serviceaccounts V - - impersonate:serviceaccount
authentication.k8s.io uids V - - impersonate,impersonate:user-info
authentication.k8s.io userextras V - * impersonate,impersonate:user-info
authentication.k8s.io users V - - impersonate:user-info
authorization.k8s.io localsubjectaccessreviews N - -
authorization.k8s.io selfsubjectaccessreviews C - -
authorization.k8s.io selfsubjectrulesreviews C - -
authorization.k8s.io subjectaccessreviews C - -
autoscaling horizontalpodautoscalers N hpa status
batch cronjobs N cj status
batch jobs N - status
certificates.k8s.io certificatesigningrequests C csr approval,nodeclient,selfnodeclient,status
certificates.k8s.io clustertrustbundles C - -
certificates.k8s.io podcertificaterequests N - status
certificates.k8s.io signers V - - approve,attest,sign
coordination.k8s.io leasecandidates N - -
coordination.k8s.io leases N - -
discovery.k8s.io endpointslices N - -
events.k8s.io events N ev -
extensions daemonsets N ds status
extensions deployments N deploy rollback,scale,status
extensions ingresses N ing status
extensions networkpolicies N netpol -
extensions podsecuritypolicies C psp -
extensions replicasets N rs scale,status
flowcontrol.apiserver.k8s.io flowschemas C - status
flowcontrol.apiserver.k8s.io prioritylevelconfigurations C - status
internal.apiserver.k8s.io storageversions C - status
networking.k8s.io clustercidrs C - -
networking.k8s.io ingressclasses C - -
networking.k8s.io ingresses N ing status
networking.k8s.io ipaddresses C ip -
networking.k8s.io networkpolicies N netpol status
networking.k8s.io servicecidrs C - status
node.k8s.io runtimeclasses C - -
policy poddisruptionbudgets N pdb status
policy podsecuritypolicies C psp -
rbac.authorization.k8s.io clusterrolebindings C - -
rbac.authorization.k8s.io clusterroles C - -
rbac.authorization.k8s.io rolebindings N - -
rbac.authorization.k8s.io roles N - -
resource.k8s.io deviceclasses C - -
resource.k8s.io devicetaintrules C - status
resource.k8s.io podschedulingcontexts N - status
resource.k8s.io podschedulings N - status
resource.k8s.io resourceclaimparameters N - -
resource.k8s.io resourceclaims N - binding,driver,status
resource.k8s.io resourceclaimtemplates N - -
resource.k8s.io resourceclasses C - -
resource.k8s.io resourceclassparameters N - -
resource.k8s.io resourcepoolstatusrequests C - status
resource.k8s.io resourceslices C - -
scheduling.k8s.io podgroups N - status
scheduling.k8s.io priorityclasses C pc -
scheduling.k8s.io workloads N - -
storage.k8s.io csidrivers C - -
storage.k8s.io csinodes C - -
storage.k8s.io csistoragecapacities N - -
storage.k8s.io storageclasses C sc -
storage.k8s.io volumeattachments C - status
storage.k8s.io volumeattributesclasses C vac -
storagemigration.k8s.io storageversionmigrations C - status
`

// extension lists resources that Istio, the Gateway API and the metrics server add, in the same form. It is not complete: it only helps to
// tell what a misspelling meant.
const extension = `
extensions.istio.io wasmplugins N - status
gateway.networking.k8s.io backendlbpolicies N - status
gateway.networking.k8s.io backendtlspolicies N btlspolicy status
gateway.networking.k8s.io gatewayclasses C gc status
gateway.networking.k8s.io gateways N gtw status
gateway.networking.k8s.io grpcroutes N - status
gateway.networking.k8s.io httproutes N - status
gateway.networking.k8s.io listenersets N - status
gateway.networking.k8s.io referencegrants N refgrant -
gateway.networking.k8s.io tcproutes N - status
gateway.networking.k8s.io tlsroutes N - status
gateway.networking.k8s.io udproutes N - status
metrics.k8s.io nodes C - -
metrics.k8s.io pods N - -
multicluster.x-k8s.io serviceexports N - status
multicluster.x-k8s.io serviceimports N - status
networking.istio.io destinationrules N dr status
networking.istio.io envoyfilters N - status
networking.istio.io gateways N gw status
networking.istio.io proxyconfigs N - status
networking.istio.io serviceentries N se status
networking.istio.io sidecars N - status
networking.istio.io virtualservices N vs status
networking.istio.io workloadentries N we status
networking.istio.io workloadgroups N wg status
security.istio.io authorizationpolicies N ap status
security.istio.io peerauthentications N pa status
security.istio.io requestauthentications N ra status
telemetry.istio.io telemetries N telemetry status
`

// catalogue is both lists, by group.
type catalogue struct {
	served map[string][]resourceInfo // groups of Kubernetes: known completely
	other  map[string][]resourceInfo // groups known in part
}

var known = sync.OnceValue(func() catalogue { return catalogue{parseTable(builtin), parseTable(extension)} })

func parseTable(text string) map[string][]resourceInfo {
	list := func(field string) []string {
		if field == "-" {
			return nil
		}
		return strings.Split(field, ",")
	}
	table := map[string][]resourceInfo{}
	for line := range strings.Lines(strings.TrimSpace(text)) {
		f := append(strings.Fields(line), "-")
		r := resourceInfo{group: strings.Trim(f[0], "-"), name: f[1], scope: f[2], short: list(f[3]), subresources: list(f[4]), verbs: list(f[5])}
		table[r.group] = append(table[r.group], r)
	}
	return table
}

// find returns the resource of that exact spelling.
func find(in []resourceInfo, name string) (resourceInfo, bool) {
	i := slices.IndexFunc(in, func(r resourceInfo) bool { return r.name == name })
	if i < 0 {
		return resourceInfo{}, false
	}
	return in[i], true
}
