package kube_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	"github.com/meshpeer/meshpeer/internal/kube"
)

func TestKinds(t *testing.T) {
	require.Equal(t, "ClusterRole", kube.Kind(&rbacv1.ClusterRole{}))
	require.Equal(t, "clusterroles", kube.Resource(&rbacv1.ClusterRole{}))
	require.Equal(t, "*v1.Node", kube.Kind(&corev1.Node{}))
	require.Equal(t, "*v1.Node", kube.Resource(&corev1.Node{}))
}

func TestKindOutsideTheTable(t *testing.T) {
	objects := kube.Objects{}
	node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "n1"}}
	_, err := objects.Get(t.Context(), node)
	require.ErrorContains(t, err, "not in the table")
	_, err = objects.List(t.Context(), node, "")
	require.Error(t, err)
	_, err = objects.Create(t.Context(), node)
	require.Error(t, err)
	_, err = objects.Update(t.Context(), node)
	require.Error(t, err)
	require.Error(t, objects.Delete(t.Context(), node))
}

// TestRequestsInFlightAreBounded holds every request until as many as may come are there.
func TestRequestsInFlightAreBounded(t *testing.T) {
	var inFlight, most atomic.Int32
	full := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if n := inFlight.Add(1); n > most.Load() {
			most.Store(n)
			if n == kube.Parallel {
				close(full)
			}
		}
		<-full
		inFlight.Add(-1)
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"apiVersion":"v1","kind":"Secret","metadata":{"name":"s"}}`))
	}))
	defer server.Close()
	config := kube.Configure(&rest.Config{Host: server.URL}, "test", rest.NoWarnings{})
	objects, err := kube.NewObjects(config, "")
	require.NoError(t, err)
	var wg sync.WaitGroup
	for range 3 * kube.Parallel {
		wg.Go(func() {
			_, err := objects.Get(context.Background(), &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "a", Name: "s"}})
			require.NoError(t, err)
		})
	}
	wg.Wait()
	require.EqualValues(t, kube.Parallel, most.Load())
}

func TestWaitForASlotEndsWithTheContext(t *testing.T) {
	held, done := make(chan struct{}, kube.Parallel), make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		held <- struct{}{}
		<-done
	}))
	defer server.Close()
	defer close(done)
	config := kube.Configure(&rest.Config{Host: server.URL}, "test", rest.NoWarnings{})
	objects, err := kube.NewObjects(config, "")
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	for range kube.Parallel {
		go func() { _, _ = objects.Get(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "n"}}) }()
	}
	for range kube.Parallel {
		<-held
	}
	over, end := context.WithCancel(t.Context())
	end()
	_, err = objects.Get(over, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "n"}})
	require.ErrorIs(t, err, context.Canceled)
}

// TestWatchesTakeNoSlot: a watch whose answer is held back hinders no look.
func TestWatchesTakeNoSlot(t *testing.T) {
	var watches sync.WaitGroup
	watches.Add(kube.Parallel)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("watch") == "true" {
			watches.Done()
			<-r.Context().Done()
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"apiVersion":"v1","kind":"Secret","metadata":{"name":"s"}}`))
	}))
	defer server.Close()
	objects, err := kube.NewObjects(kube.Configure(&rest.Config{Host: server.URL}, "test", rest.NoWarnings{}), "")
	require.NoError(t, err)
	ctx, end := context.WithCancel(t.Context())
	defer end()
	like := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "a", Name: "s"}}
	for range kube.Parallel {
		go func() { _, _ = objects.Watch(ctx, like, metav1.ListOptions{}) }()
	}
	watches.Wait()
	_, err = objects.Get(ctx, like)
	require.NoError(t, err)
}
