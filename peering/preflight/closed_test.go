package preflight_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/meshpeer/meshpeer/peering/preflight"
	"github.com/meshpeer/meshpeer/probe"
	"github.com/meshpeer/meshpeer/rbac"
)

// TestHidingAFaultDoesNotMakeACheckPass takes every case in which a check complains, and lets one kind of object after the
// other be unreadable on one server after the other. A check may then not know any more; it may not say that all is well.
func TestHidingAFaultDoesNotMakeACheckPass(t *testing.T) {
	failures := map[string]error{
		"forbidden": apierrors.NewForbidden(schema.GroupResource{Resource: "x"}, "", nil),
		"internal":  apierrors.NewInternalError(errors.New("etcd")),
		"timeout":   context.DeadlineExceeded,
		"not found": notFound("x"),
		"garbage":   errors.New("unexpected end of JSON input"),
	}
	ca := root(now.AddDate(9, 0, 0))
	tried := 0
	for _, c := range cases() {
		if c.status != probe.Failed && c.status != probe.Warned || strings.HasPrefix(c.check, "server-") && c.check != "server-ready" && c.check != "server-mtls-capable" {
			continue
		}
		world := func() *world {
			w := undialled(newWorld(t, remote, ca))
			c.change(w)
			w.in.Endpoint.Server = ""
			return w
		}
		probed := world()
		preflight.RunCheck(t.Context(), probed.in, c.check)
		for side, m := range map[string]*memory{"From": probed.from, "To": probed.to, "Config": probed.config} {
			for _, kind := range m.kinds() {
				for name, err := range failures {
					if name == "not found" && meansNone(c.check, kind) {
						continue
					}
					w := world()
					map[string]*memory{"From": w.from, "To": w.to, "Config": w.config}[side].fails[kind] = err
					findings := preflight.RunCheck(t.Context(), w.in, c.check)
					if tried++; onlyPassed(findings) {
						t.Errorf("%s/%s passes where %s of %s is %s: %+v", c.check, c.name, kind, side, name, findings)
					}
				}
			}
		}
		for name, err := range failures {
			w := world()
			for _, s := range []*preflight.Side{&w.in.From, &w.in.To} {
				s.May = func(context.Context, rbac.Access) (bool, error) { return false, err }
				s.Ask = func(context.Context, string) (preflight.Answer, error) { return preflight.Answer{}, err }
			}
			findings := preflight.RunCheck(t.Context(), w.in, c.check)
			if onlyPassed(findings) {
				t.Errorf("%s/%s passes where nothing is answered (%s): %+v", c.check, c.name, name, findings)
			}
		}
	}
	require.Greater(t, tried, 1000)
}

// meansNone names the objects whose absence is an answer: where the API server knows none, istiod sees none.
func meansNone(check, kind string) bool {
	switch kind {
	case "Gateway." + gatewayAPI: // not installed
		return true
	case "Secret": // the name is free
		return check == "secret-name-free"
	case "ConfigMap": // defaults hold
		return strings.HasPrefix(check, "gateway-") || check == "networks"
	case "Deployment.apps", "Service": // there is no Pod yet
		return check == "injection" || check == "cluster-id-matches-proxies" || check == "gateway-address"
	case "Namespace": // the client is a sidecar by default
		return check == "gateway-passthrough"
	}
	return false
}

func onlyPassed(findings []preflight.Finding) bool {
	return !slices.ContainsFunc(findings, func(f preflight.Finding) bool { return f.Status != probe.Passed })
}

// TestEmptyAnswersPassNothingThatNeedsAnObject: an API server that answers every list with nothing, and every get with "not
// found", has shown nothing.
func TestEmptyAnswersPassNothingThatNeedsAnObject(t *testing.T) {
	w := undialled(newWorld(t, remote, root(now.AddDate(9, 0, 0))))
	w.in.Bound = true
	w.from.objects, w.to.objects, w.config.objects = nil, nil, nil
	var passed []string
	for _, c := range preflight.Checks() {
		if onlyPassed(preflight.RunCheck(t.Context(), w.in, c.ID)) {
			passed = append(passed, c.ID)
		}
	}
	require.Equal(t, []string{
		"cluster-id-valid", "cluster-id-in-use", "secret-name-free", // nothing is in the way
		"caller-rights", "token-request-served", "clock-skew", // by other ways than objects
		"istio-crds", "probe-rights",
	}, passed)
}

// kinds that were asked for, each once.
func (m *memory) kinds() []string {
	var all []string
	for _, k := range m.asked {
		if !slices.Contains(all, k) {
			all = append(all, k)
		}
	}
	return all
}

// hostile text as clusters may hold it in any field.
var hostile = []string{
	"x\nmutual-tls\tpassed", "x\x1b[2J", "x\u202ey\u2066", strings.Repeat("x", 1<<20), "http://u:" + "pw@proxy", "a\x00b\x7f\xff",
}

// TestForeignTextIsPrintable: whatever names, labels, annotations, images and variables say, a finding is a line of its own.
func TestForeignTextIsPrintable(t *testing.T) {
	ca := root(now.AddDate(9, 0, 0))
	for i, text := range hostile {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			w := undialled(newWorld(t, remote, ca))
			for _, m := range []*memory{w.from, w.to, w.config} {
				for _, o := range m.objects {
					annotations := o.GetAnnotations()
					if annotations == nil {
						annotations = map[string]string{}
					}
					annotations["networking.istio.io/exportTo"], annotations["traffic.istio.io/nodeSelector"], annotations["meta.helm.sh/release-name"] = text, text, text
					o.SetAnnotations(annotations)
				}
			}
			eastwest(w).Spec.Type = "NodePort"
			eastwest(w).Spec.LoadBalancerSourceRanges = []string{text}
			eastwest(w).Name = text
			istiodOf(w).Spec.Containers[0].Image = "pilot:" + text
			setEnv(istiodOf(w), "CLUSTER_ID", text)
			setEnv(istiodOf(w), "PILOT_MULTICLUSTER_KUBECONFIG_PATH", text)
			setEnv(client(w), "ISTIO_META_NETWORK", text)
			setEnv(server(w), "ISTIO_META_MESH_ID", text)
			meshConfig(w.from, fmt.Sprintf("trustDomain: %q", strings.ToValidUTF8(text[:min(len(text), 1000)], "")))
			w.from.add(remoteSecret("other", "cluster-1", nil))
			w.to.fails["NetworkPolicy"] = errors.New(text)
			findings, err := preflight.Run(t.Context(), w.in)
			require.NoError(t, err)
			for _, f := range findings {
				for _, shown := range []string{f.Subject, f.Evidence, f.Remedy} {
					require.LessOrEqual(t, len(shown), 512)
					require.NotContains(t, shown, "pw@")
					for _, r := range shown {
						require.True(t, strconv.IsPrint(r), "%q", shown)
					}
				}
			}
			var b strings.Builder
			require.NoError(t, preflight.WriteText(&b, findings))
			require.NotContains(t, b.String(), "\x1b")
			require.NotContains(t, b.String(), "\nmutual-tls")
		})
	}
}
