//go:build linux

package clusters

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"
)

// injection is what Istio's chart gives istiod and the API server for injecting sidecars.
type injection struct {
	files   map[string]string // config and values, below var/lib/istio/inject of istiod
	objects [][]byte          // Service istiod and the webhook
}

// renderInjection renders the chart of a revision's Istio for this cluster with its istioctl and picks the parts.
func (c *Cluster) renderInjection(ctx context.Context, r *revision) (*injection, error) {
	args := []string{"manifest", "generate", "--set", "components.ingressGateways[0].enabled=false"}
	if r.name != defaultRevision {
		args = append(args, "--set", "revision="+r.name)
	}
	if c.options.Topology.ServedBy != "" { // the path tells the serving istiod whose Pods they are
		args = append(args, "--set", "values.istiodRemote.injectionPath=/inject/cluster/"+c.ID+"/net/"+c.Network)
	}
	for _, set := range []string{
		"meshID=lab", "network=" + c.Network, "multiCluster.clusterName=" + c.ID, "tag=" + r.istio.Tag,
		"proxy.readinessPeriodSeconds=1", "logging.level=default:warn",
	} {
		args = append(args, "--set", "values.global."+set)
	}
	out, err := c.lab.run(ctx, r.istio.Bin, "istioctl", args...)
	if err != nil {
		return nil, err
	}
	found := &injection{}
	for _, document := range bytes.Split(out, []byte("\n---")) {
		var object struct {
			metav1.TypeMeta   `json:",inline"`
			metav1.ObjectMeta `json:"metadata"`
			Data              map[string]string `json:"data"`
		}
		if bytes.Contains(document, []byte("kind: CustomResourceDefinition")) {
			continue // large, and applied from the chart's file
		}
		if err := yaml.Unmarshal(document, &object); err != nil {
			return nil, fmt.Errorf("lab: istioctl manifest generate: %w", err)
		}
		switch object.Kind + "/" + object.Name {
		case "ConfigMap/istio-sidecar-injector" + r.suffix():
			found.files = object.Data
		case "Service/istiod" + r.suffix():
			if !c.options.Hosted && c.options.Topology.ServedBy == "" {
				found.objects = append(found.objects, document)
			}
		case "MutatingWebhookConfiguration/istio-sidecar-injector" + r.suffix():
			found.objects = append(found.objects, document)
		}
	}
	if len(found.files) == 0 || len(found.objects) == 0 {
		return nil, fmt.Errorf("lab: istioctl manifest generate: %d files and %d objects for injection", len(found.files), len(found.objects))
	}
	return found, nil
}

// prepareInjection gives every istiod the files, before it starts.
func (c *Cluster) prepareInjection(ctx context.Context) error {
	if c.lab.plane == nil {
		return nil
	}
	for _, r := range c.revisions {
		var err error
		if r.injection, err = c.renderInjection(ctx, r); err != nil {
			return err
		}
		for _, i := range r.istiods {
			for name, text := range r.injection.files {
				if err := os.WriteFile(filepath.Join(i.program.dir, "var/lib/istio/inject", name), []byte(text), 0o600); err != nil {
					return fmt.Errorf("lab: %w", err)
				}
			}
		}
	}
	return nil
}

// startInjection registers the webhook and waits until istiod has signed it.
func (c *Cluster) startInjection(ctx context.Context, r *revision) error {
	for _, object := range r.injection.objects {
		if err := c.Apply(ctx, object); err != nil {
			return err
		}
	}
	if c.options.Hosted {
		if err := c.applyManifest(ctx, "hosted.yaml"); err != nil {
			return err
		}
	}
	return c.awaitInjection(ctx, r)
}

// awaitInjection waits until istiod has signed the webhook of a revision and answers it.
func (c *Cluster) awaitInjection(ctx context.Context, r *revision) error {
	return poll(ctx, c.ID+": injection webhook"+r.suffix(), func(ctx context.Context) error {
		var live struct {
			Webhooks []struct {
				ClientConfig struct {
					CABundle []byte `json:"caBundle"`
				} `json:"clientConfig"`
			} `json:"webhooks"`
		}
		path := "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/istio-sidecar-injector" + r.suffix()
		if err := c.api.get(ctx, path, &live); err != nil {
			return err
		}
		for _, w := range live.Webhooks {
			if len(w.ClientConfig.CABundle) == 0 {
				return fmt.Errorf("istiod has not filled in its certificate yet")
			}
		}
		return c.dryInject(ctx, r)
	})
}

// dryInject asks for a Pod with a sidecar without making it: the webhook answers, or the API server says why not.
func (c *Cluster) dryInject(ctx context.Context, r *revision) error {
	labels := map[string]string{"sidecar.istio.io/inject": "true"}
	if r.name != defaultRevision {
		labels["istio.io/rev"] = r.name
	}
	pod := corev1.Pod{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"},
		ObjectMeta: metav1.ObjectMeta{Name: "trial", Namespace: istioSystem, Labels: labels},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "trial", Image: "trial"}}},
	}
	body, err := json.Marshal(pod)
	if err != nil {
		return err
	}
	return c.api.do(ctx, "POST", "/api/v1/namespaces/"+istioSystem+"/pods?dryRun=All", "application/json", body, nil)
}
