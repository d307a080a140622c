//go:build linux

package clusters

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/yaml"
)

const fieldManager = "meshpeer-lab"

// api is the little of a Kubernetes client that setting up a cluster takes.
type api struct {
	base   string
	client *http.Client
}

func newAPI(c *rest.Config) (*api, error) {
	c = rest.CopyConfig(c)
	c.UserAgent = fieldManager
	client, err := rest.HTTPClientFor(c)
	if err != nil {
		return nil, fmt.Errorf("lab: %w", err)
	}
	return &api{base: c.Host, client: client}, nil
}

// apply creates or changes the object at path (server-side apply, forced). The body is YAML or JSON.
func (a *api) apply(ctx context.Context, path string, object any) error {
	query := url.Values{"fieldManager": {fieldManager}, "force": {"true"}}
	return a.do(ctx, http.MethodPatch, path+"?"+query.Encode(), "application/apply-patch+yaml", object, nil)
}

// merge sends a JSON merge patch, as for a status subresource.
func (a *api) merge(ctx context.Context, path string, patch any) error {
	return a.do(ctx, http.MethodPatch, path, "application/merge-patch+json", patch, nil)
}

func (a *api) get(ctx context.Context, path string, out any) error {
	return a.do(ctx, http.MethodGet, path, "", nil, out)
}

func (a *api) do(ctx context.Context, method, path, contentType string, body, out any) error {
	data, raw := body.([]byte)
	if !raw && body != nil {
		var err error
		if data, err = json.Marshal(body); err != nil {
			return fmt.Errorf("lab: %s %s: %w", method, path, err)
		}
	}
	request, err := http.NewRequestWithContext(ctx, method, a.base+path, bytes.NewReader(data))
	if err != nil {
		return fmt.Errorf("lab: %w", err)
	}
	if contentType != "" {
		request.Header.Set("Content-Type", contentType)
	}
	request.Header.Set("Accept", "application/json")
	response, err := a.client.Do(request)
	if err != nil {
		return fmt.Errorf("lab: %w", err)
	}
	defer response.Body.Close()
	reply, err := io.ReadAll(response.Body)
	if err != nil {
		return fmt.Errorf("lab: %s %s: %w", method, path, err)
	}
	if response.StatusCode >= 300 {
		return fmt.Errorf("lab: %s %s: %s: %s", method, path, response.Status, message(reply))
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(reply, out); err != nil {
		return fmt.Errorf("lab: %s %s: %w", method, path, err)
	}
	return nil
}

// message is what an API server's error reply says.
func message(reply []byte) string {
	var status metav1.Status
	if json.Unmarshal(reply, &status) == nil && status.Message != "" {
		return status.Message
	}
	return string(reply[:min(len(reply), 300)])
}

// poll calls check every 50 ms until it says nil or ctx ends. The last word is that of a check that had its time.
func poll(ctx context.Context, what string, check func(context.Context) error) error {
	last := errors.New("never asked")
	for {
		err := check(ctx)
		if err == nil {
			return nil
		}
		if ctx.Err() == nil {
			last = err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("lab: %s: %w (last: %w)", what, context.Cause(ctx), last)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

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
