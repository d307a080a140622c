package main

import (
	"io"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	"sigs.k8s.io/yaml"
)

// TestManifest: the Deployment starts this program, which serves where the probes ask.
func TestManifest(t *testing.T) {
	text, err := os.ReadFile("config/manager/deployment.yaml")
	require.NoError(t, err)
	var d appsv1.Deployment
	require.NoError(t, yaml.UnmarshalStrict(text, &d))
	container := d.Spec.Template.Spec.Containers[0]
	o, err := parse(container.Args, io.Discard)
	require.NoError(t, err)
	require.Equal(t, d.Namespace, o.namespace)
	require.Equal(t, d.Namespace, o.leaderNamespace)
	require.True(t, o.leaderElect)
	require.False(t, o.observe)
	require.Equal(t, []string{":8080", ":8081"}, []string{o.metrics, o.health})
	require.EqualValues(t, 8080, container.Ports[0].ContainerPort)
	require.EqualValues(t, 8081, container.Ports[1].ContainerPort)
	require.GreaterOrEqual(t, o.fence/2, 45*time.Second, "what is undone after the end of a context takes 40 s")
	o, err = parse(append(container.Args, "-observe"), io.Discard)
	require.NoError(t, err)
	require.True(t, o.observe)
}
