//go:build linux

package node

import (
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
)

func TestImageIsFoundByNameTagAndArguments(t *testing.T) {
	agent := &Agent{config: Config{Images: []Image{
		{Name: "proxy", Entry: []string{"init"}, Match: func(args []string) bool { return len(args) > 0 && args[0] == "init" }},
		{Name: "proxy", Tag: "1.29.1", Entry: []string{"old"}},
		{Name: "proxy", Tag: "1.31.0", Entry: []string{"new"}},
		{Name: "curl", Entry: []string{"curl"}},
	}}}
	for _, c := range []struct {
		image string
		args  []string
		want  string
	}{
		{"docker.io/istio/proxy:1.29.1", nil, "old"},
		{"docker.io/istio/proxy:1.31.0@sha256:0123", nil, "new"},
		{"docker.io/istio/proxy:1.31.0", nil, "new"},
		{"docker.io/istio/proxy:1.29.1", []string{"init"}, "init"},
		{"docker.io/istio/proxy:1.30", nil, ""},
		{"curl", nil, "curl"},
		{"a/curl:8", nil, "curl"},
	} {
		container := &container{pod: &pod{agent: agent, now: &corev1.Pod{}}, spec: corev1.Container{Image: c.image, Args: c.args}}
		got, err := container.image()
		if c.want == "" {
			require.ErrorIs(t, err, errImage, c.image)
			continue
		}
		require.NoError(t, err, c.image)
		require.Equal(t, []string{c.want}, got.Entry, c.image)
	}
}
