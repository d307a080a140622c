package kube

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Metadata lists objects of the kind and namespace of like without what is in them, in pages of 500 (Kubernetes
// KEP-2334), from the watch cache as [Objects.Cached] if that will do. Data of Secrets does not leave the API server that way.
func (p Paths) Metadata(ctx context.Context, like *metav1.PartialObjectMetadata, selector string, cached bool) (all []Object, err error) {
	k, err := kindOf(like)
	if err != nil {
		return nil, err
	}
	prefix := "/apis/" + k.gvk.Group
	if k.gvk.Group == "" {
		prefix = "/api"
	}
	target := p.base.JoinPath(prefix, k.gvk.Version)
	if namespace := like.GetNamespace(); namespace != "" {
		target = target.JoinPath("namespaces", namespace)
	}
	target = target.JoinPath(k.resource)
	query := url.Values{"limit": {"500"}, "labelSelector": {selector}}
	if cached {
		query.Set("resourceVersion", "0")
	}
	for {
		target.RawQuery = query.Encode()
		var page metav1.PartialObjectMetadataList
		if err := p.metadata(ctx, target.String(), &page); err != nil {
			return nil, err
		}
		for i := range page.Items {
			page.Items[i].SetGroupVersionKind(k.gvk)
			all = append(all, &page.Items[i])
		}
		if page.Continue == "" {
			return all, nil
		}
		query.Set("continue", page.Continue)
		query.Del("resourceVersion") // the next page is of the same state
	}
}

func (p Paths) metadata(ctx context.Context, target string, page *metav1.PartialObjectMetadataList) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, target, nil)
	if err != nil {
		return err
	}
	request.Header.Set("Accept", "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1")
	response, err := p.client().Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	body := json.NewDecoder(response.Body)
	if response.StatusCode == http.StatusOK {
		if err := body.Decode(page); err != nil {
			return fmt.Errorf("kube: list of metadata: %w", err)
		}
		return is(page.Kind, "PartialObjectMetadataList")
	}
	var status metav1.Status
	if body.Decode(&status) != nil || status.Status != metav1.StatusFailure {
		return apierrors.NewGenericServerResponse(response.StatusCode, "list", schema.GroupResource{}, "", "", 0, true)
	}
	return &apierrors.StatusError{ErrStatus: status}
}
