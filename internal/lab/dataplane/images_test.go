//go:build linux

package dataplane

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Each version's sidecars have an image of their own, made of its template. Istio 1.29 and 1.31 put the cluster manager under
// conditions of their own.
func TestImagesOfVersions(t *testing.T) {
	template := func(condition string) []byte {
		return []byte("{\n  {{ if or .outlier_log_path .load_stats_config_json_str" + condition + "}}\n  ,\n  \"cluster_manager\": {\n    \"outlier_detection\": {}")
	}
	images, err := MakeImages([]Proxy{
		{Tag: "1.29.1", Bootstrap: template("")},
		{Tag: "1.31.0-lab", Bootstrap: template(" .enable_self_discovery ")},
	})
	require.NoError(t, err)
	tags := map[string][]string{}
	for _, i := range images {
		if i.Name == "proxyv2" && i.Match == nil {
			tags[i.Tag] = i.Entry
			text := string(i.Files["var/lib/istio/envoy/envoy_bootstrap_tmpl.json"])
			require.Contains(t, text, "{{ if true }}\n  ,\n  \"cluster_manager\": {\n    \"upstream_bind_config\": {")
			require.Equal(t, 1, strings.Count(text, "cluster_manager"))
		}
	}
	require.Equal(t, map[string][]string{"1.29.1": {"istio-1.29.1", "pilot-agent"}, "1.31.0-lab": {"istio-1.31.0-lab", "pilot-agent"}}, tags)

	_, err = MakeImages([]Proxy{{Tag: "1.99", Bootstrap: []byte("{}")}})
	require.ErrorContains(t, err, "in another place (1.99)")
}
