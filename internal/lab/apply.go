//go:build linux

package lab

import (
	"bytes"
	"context"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"
)

// Apply creates or changes the objects of a YAML stream, in order (server-side apply, forced). An object of a namespaced
// kind without a namespace goes to "default".
func (c *Cluster) Apply(ctx context.Context, stream []byte) error {
	for _, document := range bytes.Split(append([]byte("\n"), stream...), []byte("\n---")) {
		var object metav1.PartialObjectMetadata
		if err := yaml.Unmarshal(document, &object); err != nil {
			return fmt.Errorf("lab: apply: %w", err)
		}
		if object.Kind == "" {
			continue
		}
		path, err := c.objectPath(ctx, object)
		if err != nil {
			return err
		}
		if err := c.api.apply(ctx, path, document); err != nil {
			return err
		}
	}
	return nil
}

// objectPath finds out by discovery where objects of a kind live.
func (c *Cluster) objectPath(ctx context.Context, object metav1.PartialObjectMetadata) (string, error) {
	root := "/apis/" + object.APIVersion
	if object.APIVersion == "v1" {
		root = "/api/v1"
	}
	var known metav1.APIResourceList
	if err := c.api.get(ctx, root, &known); err != nil {
		return "", err
	}
	for _, r := range known.APIResources {
		if r.Kind != object.Kind || bytes.ContainsRune([]byte(r.Name), '/') {
			continue
		}
		if !r.Namespaced {
			return root + "/" + r.Name + "/" + object.Name, nil
		}
		namespace := object.Namespace
		if namespace == "" {
			namespace = "default"
		}
		return root + "/namespaces/" + namespace + "/" + r.Name + "/" + object.Name, nil
	}
	return "", fmt.Errorf("lab: apply: %s has no kind %q in %s", c.ID, object.Kind, object.APIVersion)
}
