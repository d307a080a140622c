package peering_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/client-go/rest"

	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/secrets"
)

func TestConnectAnswersBadInput(t *testing.T) {
	east := peering.MustID("east")
	for name, tt := range map[string]struct {
		id     peering.ID
		config *rest.Config
		o      peering.ConnectOptions
		want   string
	}{
		"no ID":           {config: &rest.Config{Host: "https://10.0.0.1"}, want: "the ID is empty"},
		"no config":       {id: east, want: "rest.Config.Host is empty"},
		"no host":         {id: east, config: &rest.Config{}, want: "rest.Config.Host is empty"},
		"IPv6 bare":       {id: east, config: &rest.Config{Host: "2001:db8::1"}, want: "put the address in brackets"},
		"IPv6 with port":  {id: east, config: &rest.Config{Host: "https://2001:db8::1:6443"}, want: "put the address in brackets"},
		"zone":            {id: east, config: &rest.Config{Host: "https://[fe80::1%eth0]:6443"}, want: "has a zone that is not escaped"},
		"line end":        {id: east, config: &rest.Config{Host: "https://10.0.0.1\n"}, want: "a line end"},
		"CA file missing": {id: east, config: &rest.Config{Host: "https://10.0.0.1", TLSClientConfig: rest.TLSClientConfig{CAFile: "no-such-file"}}, want: "no-such-file"},
		"bad endpoint":    {id: east, config: &rest.Config{Host: "https://10.0.0.1"}, o: peering.ConnectOptions{Endpoint: &secrets.Endpoint{Server: "10.0.0.1:6443"}}, want: "Endpoint.Server"},
	} {
		t.Run(name, func(t *testing.T) {
			cluster, err := peering.Connect(tt.id, tt.config, tt.o)
			require.ErrorContains(t, err, tt.want)
			require.Nil(t, cluster)
		})
	}
}

func TestConnectCopiesTheConfig(t *testing.T) {
	_, east, _, _ := pair()
	file := filepath.Join(t.TempDir(), "ca.crt")
	require.NoError(t, os.WriteFile(file, east.Endpoint.CA, 0o600))
	config := &rest.Config{Host: "10.0.0.1:6443", BearerToken: "token", TLSClientConfig: rest.TLSClientConfig{CAFile: file, ServerName: "kubernetes"}}
	before := *config
	cluster, err := peering.Connect(peering.MustID("east"), config, peering.ConnectOptions{Hosted: true, Namespace: "mesh"})
	require.NoError(t, err)
	require.Equal(t, before, *config)
	require.Equal(t, "https://10.0.0.1:6443", cluster.Endpoint.Server)
	require.Equal(t, east.Endpoint.CA, cluster.Endpoint.CA)
	require.Equal(t, "kubernetes", cluster.Endpoint.TLSServerName)
	require.Nil(t, cluster.Istiods, "a hosted control plane has no Pods to ask")
}
