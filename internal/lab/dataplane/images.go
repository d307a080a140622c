//go:build linux

package dataplane

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"

	"github.com/meshpeer/meshpeer/internal/lab/nft"
	"github.com/meshpeer/meshpeer/internal/lab/node"
)

// Proxy is what the sidecars of one version of Istio are made of.
type Proxy struct {
	// Tag is that of the images.
	Tag string
	// Bin is a binary that is pilot-agent if its first argument says so.
	Bin string
	// Bootstrap is the template of which pilot-agent makes Envoy's configuration.
	Bootstrap []byte
}

// program is the name under which containers find it.
func (p Proxy) program() string { return "istio-" + p.Tag }

// MakeImages makes those that the scenario's manifests and Istio's injection templates name.
func MakeImages(proxies []Proxy) ([]node.Image, error) {
	images := []node.Image{
		{
			Name: "proxyv2", Run: redirect,
			Match: func(args []string) bool { return len(args) > 0 && args[0] == "istio-iptables" },
		},
		{Name: "go-httpbin", Entry: []string{"httpbin"}},
		{Name: "curl", Entry: []string{"curl"}},
	}
	for _, p := range proxies {
		bootstrap, err := markProxy(p.Bootstrap)
		if err != nil {
			return nil, fmt.Errorf("%w (%s)", err, p.Tag)
		}
		images = append(images, node.Image{
			Name: "proxyv2", Tag: p.Tag, Entry: []string{p.program(), "pilot-agent"},
			Files: map[string][]byte{"var/lib/istio/envoy/envoy_bootstrap_tmpl.json": bootstrap},
		})
	}
	return images, nil
}

// managers is where Istio's templates have Envoy's cluster_manager. Its condition has grown over the versions.
var managers = regexp.MustCompile(`\{\{ if or \.outlier_log_path [^}]*\}\}\n  ,\n  "cluster_manager": \{`)

// markProxy has Envoy mark its own connections (SO_MARK), so that the Pod's packet filter lets them out: see nft.ProxyMark.
// Clusters with a source address of their own, as Istio's inbound ones, are known by that.
func markProxy(template []byte) ([]byte, error) {
	// https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/bootstrap/v3/bootstrap.proto#config-bootstrap-v3-clustermanager
	const socket = 1
	const mark = 36
	option := fmt.Sprintf(`"upstream_bind_config": {"socket_options": [{"level": %d, "name": %d, "int_value": %d, "state": "STATE_PREBIND"}]}`,
		socket, mark, nft.ProxyMark)
	if len(managers.FindAllIndex(template, -1)) != 1 {
		return nil, errors.New("lab: Istio's bootstrap template of this version has its cluster_manager in another place")
	}
	return managers.ReplaceAllLiteral(template, []byte("{{ if true }}\n  ,\n  \"cluster_manager\": {\n    "+option+",")), nil
}

// Programs fills the directory dir, in which containers find what their images hold: the control planes' binary bin under
// each of its names, the proxies' binaries, Envoy, and the machine's curl and sleep where it has them.
func Programs(dir, bin, envoy string, proxies []Proxy) error {
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
	for _, p := range proxies {
		if err := os.Symlink(p.Bin, filepath.Join(dir, p.program())); err != nil {
			return fmt.Errorf("lab: %w", err)
		}
	}
	return nil
}
