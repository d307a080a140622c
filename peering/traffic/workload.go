package traffic

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/meshpeer/meshpeer/internal/invalid"
	"github.com/meshpeer/meshpeer/probe"
)

// Workload is an httpbin and those who ask it: what a link is tried with. It has the same Namespace and Service in From and
// To, because to a mesh that is one service. The zero value is Istio's samples: httpbin:8000 of namespace default, asked by
// sleep (istio/istio samples/httpbin, samples/sleep).
type Workload struct {
	Namespace string // of Service and of all Deployments; "" is default
	Service   string // "" is httpbin. Without pods in From it still has to exist there: it gives the name an address.
	Port      int    // of the Service, HTTP; 0 is 8000
	Client    string // Deployment in From with a sidecar and curl in its image; "" is sleep
	Server    string // Deployment behind the Service; "" is the name of the Service
	// Control is a Deployment in To without sidecar and with curl. Mutual TLS is proved only if Control does not get what
	// Client gets; "" is none, and then mutual TLS is only observed.
	Control string
	Domain  string // of the clusters' Services (istio.io/api meshconfig: proxyConfig, istiod's --domain); "" is cluster.local

	// Poll says how long each level of Verify may take to come to hold. Zero is probe.Poll's: 30 s, because istiod pushes
	// within seconds of a change.
	Poll probe.Poll
	// Asks is how often the service is asked, at most, until To answers; where From has pods of it, these answer too. 0 is
	// 20: a half is then missed once in a million.
	Asks int
}

// filled has the defaults in place of zero.
func (w Workload) filled() Workload {
	for _, field := range []struct {
		value *string
		zero  string
	}{{&w.Namespace, "default"}, {&w.Service, "httpbin"}, {&w.Client, "sleep"}, {&w.Domain, "cluster.local"}} {
		if *field.value == "" {
			*field.value = field.zero
		}
	}
	if w.Server == "" {
		w.Server = w.Service
	}
	if w.Port == 0 {
		w.Port = 8000
	}
	if w.Asks == 0 {
		w.Asks = 20
	}
	return w
}

// host is the name of the service as istiod has it.
func (w Workload) host() string {
	return w.Service + "." + w.Namespace + ".svc." + w.Domain
}

// url of the service, for a client in any namespace.
func (w Workload) url() string {
	return (&url.URL{Scheme: "http", Host: fmt.Sprintf("%s:%d", w.host(), w.Port)}).String()
}

// cluster is Envoy's name for the service (Istio pilot/pkg/model.BuildSubsetKey).
func (w Workload) cluster() string {
	return fmt.Sprintf("outbound|%d||%s", w.Port, w.host())
}

// Validate names the first field that no cluster could have.
func (w *Workload) Validate() error {
	if w == nil {
		return nil
	}
	for _, f := range []struct {
		field, value string
		check        func(string) []string
	}{
		{"Namespace", w.Namespace, validation.IsDNS1123Label},
		{"Service", w.Service, validation.IsDNS1035Label},
		{"Client", w.Client, validation.IsDNS1123Subdomain},
		{"Server", w.Server, validation.IsDNS1123Subdomain},
		{"Control", w.Control, validation.IsDNS1123Subdomain},
		{"Domain", w.Domain, validation.IsDNS1123Subdomain},
	} {
		if f.value == "" {
			continue
		}
		if wrong := f.check(f.value); len(wrong) > 0 {
			return invalid.Field("Workload."+f.field, f.value, "is not valid", strings.Join(wrong, "; "))
		}
	}
	if w.Port < 0 || w.Port > 65535 {
		return invalid.Field("Workload.Port", strconv.Itoa(w.Port), "is no port", "give the Service's port, 1 to 65535, or 0 for 8000")
	}
	if w.Asks < 0 {
		return invalid.Field("Workload.Asks", strconv.Itoa(w.Asks), "is below zero", "give how often to ask at most, or 0 for 20")
	}
	return nil
}
