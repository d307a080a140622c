//go:build linux

package clusters

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"sync"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/meshpeer/meshpeer/internal/lab/build"
	"github.com/meshpeer/meshpeer/internal/lab/enter"
)

// parallel runs all tasks at once and waits for them; the first failure ends the context of the others, and only
// failures that are not its echo are returned.
func parallel(ctx context.Context, tasks ...func(context.Context) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	errs := make([]error, len(tasks))
	var wait sync.WaitGroup
	for i, task := range tasks {
		wait.Go(func() {
			err := task(ctx)
			if err == nil || errors.Is(context.Cause(ctx), errSibling) {
				return
			}
			errs[i] = err
			cancel(errSibling)
		})
	}
	wait.Wait()
	if err := errors.Join(errs...); err != nil {
		return err
	}
	if errors.Is(context.Cause(ctx), errSibling) {
		return errSibling // an outer parallel failed: what ran here may be half done
	}
	return nil
}

var errSibling = errors.New("lab: another step failed")

const istioSystem = "istio-system"

// bootstrap fills an empty cluster: namespace, custom resources, node; then the istiods.
func (c *Cluster) bootstrap(ctx context.Context) error {
	namespace := corev1.Namespace{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Namespace"},
		ObjectMeta: metav1.ObjectMeta{Name: istioSystem, Labels: map[string]string{"topology.istio.io/network": c.Network}},
	}
	if by := c.options.Topology.ServedBy; by != "" {
		namespace.Annotations = map[string]string{"topology.istio.io/controlPlaneClusters": by}
	}
	if err := c.api.apply(ctx, "/api/v1/namespaces/"+istioSystem, namespace); err != nil {
		return err
	}
	if err := c.startAgent(ctx); err != nil { // Pods of an unknown node get no endpoints
		return err
	}
	return parallel(
		ctx,
		c.applyCRDs,
		c.startIstiods,
		func(ctx context.Context) error { return c.awaitAccount(ctx, "default") },
		func(ctx context.Context) error { return c.awaitAccount(ctx, istioSystem) },
	)
}

// awaitAccount waits for the ServiceAccount "default", without which no Pod is admitted.
func (c *Cluster) awaitAccount(ctx context.Context, namespace string) error {
	return poll(ctx, "ServiceAccount default in "+namespace, func(ctx context.Context) error {
		return c.api.get(ctx, "/api/v1/namespaces/"+namespace+"/serviceaccounts/default", nil)
	})
}

func (c *Cluster) applyCRDs(ctx context.Context) error {
	var files []string
	from := enter.Installed{Bin: c.lab.home.Bin}
	if len(c.revisions) > 0 {
		files, from = append(files, build.IstioCRDs), c.newest()
	}
	if c.options.GatewayAPI {
		files = append(files, build.GatewayCRDs)
	}
	var tasks []func(context.Context) error
	for _, name := range files {
		data, err := os.ReadFile(from.File(name))
		if err != nil {
			return fmt.Errorf("lab: %w", err)
		}
		for _, document := range bytes.Split(data, []byte("\n---")) {
			tasks = append(tasks, func(ctx context.Context) error { return c.applyCRD(ctx, document) })
		}
	}
	return parallel(ctx, tasks...)
}

// applyCRD applies one YAML document and waits until its resource is served.
func (c *Cluster) applyCRD(ctx context.Context, document []byte) error {
	var object metav1.PartialObjectMetadata
	if err := yaml.Unmarshal(document, &object); err != nil {
		return fmt.Errorf("lab: custom resources: %w", err)
	}
	if object.Kind != "CustomResourceDefinition" { // comments only, or a policy that comes with the Gateway API
		return nil
	}
	path := "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/" + object.Name
	if err := c.api.apply(ctx, path, document); err != nil {
		return err
	}
	return poll(ctx, "CRD "+object.Name, func(ctx context.Context) error {
		var live struct {
			Status struct {
				Conditions []metav1.Condition `json:"conditions"`
			} `json:"status"`
		}
		if err := c.api.get(ctx, path, &live); err != nil {
			return err
		}
		for _, condition := range live.Status.Conditions {
			if condition.Type == "Established" && condition.Status == metav1.ConditionTrue {
				return nil
			}
		}
		return fmt.Errorf("not established")
	})
}
