//go:build linux

package clusters

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
)

// RemoteCluster is one entry of istiod's /debug/clusterz.
type RemoteCluster struct {
	ID         string `json:"id"`
	SecretName string `json:"secretName"` // "" for the cluster of istiod itself
	SyncStatus string `json:"syncStatus"`
}

// Clusterz says which clusters this replica knows and whether it has read them.
func (i *Istiod) Clusterz(ctx context.Context) ([]RemoteCluster, error) {
	data, err := i.Debug(ctx, "/debug/clusterz")
	if err != nil {
		return nil, err
	}
	var all []RemoteCluster
	if err := json.Unmarshal(data, &all); err != nil {
		return nil, fmt.Errorf("lab: %s/%s: /debug/clusterz: %w", i.Cluster.ID, i.Name, err)
	}
	return all, nil
}

// Debug gets a path of the monitoring port, as from inside the Pod and past the API server: a second, independent way to
// see what istiod knows. Any status but 200 is an error.
func (i *Istiod) Debug(ctx context.Context, path string) ([]byte, error) {
	return i.get(ctx, portMonitor, path)
}

func (i *Istiod) get(ctx context.Context, port int, path string) ([]byte, error) {
	client := http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext:       func(ctx context.Context, _, _ string) (net.Conn, error) { return i.box.Dial(ctx, port) },
	}}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://localhost:"+strconv.Itoa(port)+path, nil)
	if err != nil {
		return nil, fmt.Errorf("lab: %w", err)
	}
	response, err := client.Do(request)
	if err != nil {
		return nil, fmt.Errorf("lab: %s/%s: %w", i.Cluster.ID, i.Name, err)
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, fmt.Errorf("lab: %s/%s: %w", i.Cluster.ID, i.Name, err)
	}
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("lab: %s/%s: GET %s: %s", i.Cluster.ID, i.Name, path, response.Status)
	}
	return data, nil
}
