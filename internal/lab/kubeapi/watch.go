package kubeapi

import (
	"context"

	"github.com/go-logr/logr"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
	"k8s.io/klog/v2"
)

// Watch keeps the objects of a resource in all namespaces until ctx ends and calls the handler for each change, from one
// goroutine. Lost connections are taken up again, in silence.
func Watch(ctx context.Context, c rest.Interface, resource string, kind runtime.Object, h cache.ResourceEventHandler) cache.Store {
	store, controller := cache.NewInformerWithOptions(cache.InformerOptions{
		ListerWatcher: cache.NewListWatchFromClient(c, resource, metav1.NamespaceAll, fields.Everything()),
		ObjectType:    kind,
		Handler:       h,
	})
	go controller.RunWithContext(klog.NewContext(ctx, logr.Discard()))
	return store
}
