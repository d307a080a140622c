//go:build linux

package lab

import (
	"bytes"
	"context"
	"embed"
	"fmt"
	"text/template"
)

//go:embed scenario
var scenarioFiles embed.FS

// applyManifest fills in one of the embedded files and applies it.
func (c *Cluster) applyManifest(ctx context.Context, name string) error {
	parsed, err := template.ParseFS(scenarioFiles, "scenario/"+name)
	if err != nil {
		return fmt.Errorf("lab: %w", err)
	}
	var istiods []string
	for _, i := range c.Istiods {
		istiods = append(istiods, i.box.Addr.String())
	}
	var text bytes.Buffer
	err = parsed.Execute(&text, map[string]any{
		"Cluster": c.ID, "Network": c.Network, "Strict": c.lab.plane.Strict, "Istiods": istiods,
	})
	if err != nil {
		return fmt.Errorf("lab: %w", err)
	}
	return c.Apply(ctx, text.Bytes())
}

// hasGateway says whether the cluster has an east-west gateway.
func (c *Cluster) hasGateway() bool { return !c.lab.plane.Flat && !c.options.NoGateway }

func (c *Cluster) applyScenario(ctx context.Context) error {
	files := []string{"mesh.yaml"}
	if c.hasGateway() {
		files = append(files, "gateway.yaml")
	}
	if !c.lab.plane.NoWorkloads {
		files = append(files, "workloads.yaml")
	}
	for _, name := range files {
		if err := c.applyManifest(ctx, name); err != nil {
			return err
		}
	}
	return nil
}

// awaitScenario waits until the workloads of all clusters are Ready.
func (l *Lab) awaitScenario(ctx context.Context) error {
	if l.plane == nil {
		return nil
	}
	var tasks []func(context.Context) error
	for _, c := range l.Clusters {
		if c.injection == nil {
			continue
		}
		if c.hasGateway() {
			tasks = append(tasks, func(ctx context.Context) error { return c.WaitPods(ctx, istioSystem, "istio=eastwestgateway", 1) })
		}
		if !l.plane.NoWorkloads {
			tasks = append(tasks, func(ctx context.Context) error { return c.WaitPods(ctx, "default", "app in (httpbin,sleep)", 2) })
		}
	}
	if err := parallel(ctx, tasks...); err != nil {
		return err
	}
	l.say("all Pods are ready")
	return nil
}
