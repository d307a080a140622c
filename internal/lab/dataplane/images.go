//go:build linux

package dataplane

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"

	"github.com/meshpeer/meshpeer/internal/lab/nft"
	"github.com/meshpeer/meshpeer/internal/lab/node"
)

// MakeImages makes those that the scenario's manifests and Istio's injection templates name. bootstrap is the template of
// which pilot-agent makes Envoy's configuration.
func MakeImages(bootstrap []byte) ([]node.Image, error) {
	bootstrap, err := markProxy(bootstrap)
	if err != nil {
		return nil, err
	}
	return []node.Image{
		{
			Name: "proxyv2", Run: redirect,
			Match: func(args []string) bool { return len(args) > 0 && args[0] == "istio-iptables" },
		},
		{
			Name: "proxyv2", Entry: []string{"pilot-agent"},
			Files: map[string][]byte{"var/lib/istio/envoy/envoy_bootstrap_tmpl.json": bootstrap},
		},
		{Name: "go-httpbin", Entry: []string{"httpbin"}},
		{Name: "curl", Entry: []string{"curl"}},
	}, nil
}

// markProxy has Envoy mark its own connections (SO_MARK), so that the Pod's packet filter lets them out: see nft.ProxyMark.
// Clusters with a source address of their own, as Istio's inbound ones, are known by that.
func markProxy(template []byte) ([]byte, error) {
	// https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/bootstrap/v3/bootstrap.proto#config-bootstrap-v3-clustermanager
	const socket = 1
	const mark = 36
	option := fmt.Sprintf(`"upstream_bind_config": {"socket_options": [{"level": %d, "name": %d, "int_value": %d, "state": "STATE_PREBIND"}]}`,
		socket, mark, nft.ProxyMark)
	condition := []byte("{{ if or .outlier_log_path .load_stats_config_json_str .enable_self_discovery }}\n  ,\n  \"cluster_manager\": {")
	if bytes.Count(template, condition) != 1 {
		return nil, errors.New("lab: Istio's bootstrap template of this version has its cluster_manager in another place")
	}
	return bytes.Replace(template, condition, []byte("{{ if true }}\n  ,\n  \"cluster_manager\": {\n    "+option+","), 1), nil
}

// Programs fills the directory dir, in which containers find what their images hold: the control planes' binary bin under
// each of its names, Envoy, and the machine's curl and sleep where it has them.
func Programs(dir, bin, envoy string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("lab: %w", err)
	}
	for _, name := range []string{"pilot-agent", "httpbin", "curl", "sleep", "envoy"} {
		target := bin
		if name == "envoy" {
			target = envoy
		}
		if slices.Contains([]string{"curl", "sleep"}, name) {
			if own, err := exec.LookPath(name); err == nil {
				target = own
			}
		}
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
			return fmt.Errorf("lab: %w", err)
		}
	}
	return nil
}
