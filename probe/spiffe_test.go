package probe_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/meshpeer/meshpeer/probe"
)

func TestParseSPIFFEID(t *testing.T) {
	id, err := probe.ParseSPIFFEID("spiffe://td_1.example/ns/default/sa/my.httpbin")
	require.NoError(t, err)
	require.Equal(t, "td_1.example", id.TrustDomain())
	require.Equal(t, "default", id.Namespace())
	require.Equal(t, "my.httpbin", id.ServiceAccount())
	require.Equal(t, "spiffe://td_1.example/ns/default/sa/my.httpbin", id.String())
	for _, wrong := range []string{
		"", "spiffe://", "https://cluster.local/ns/a/sa/b", "spiffe://cluster.local/ns/a/sa/", "spiffe://cluster.local/ns/a/sa/b/",
		"spiffe:///ns/a/sa/b", "spiffe://Cluster.local/ns/a/sa/b", "spiffe://cluster.local/ns/a b/sa/c", "spiffe://cluster.local/ns/a/user/b", "spiffe://cluster.local/space/a/sa/b", "spiffe://cluster.local/sa/a/ns/b",
		"spiffe://cluster.local:80/ns/a/sa/b", "spiffe://cluster.local/ns/a/sa/b?x", "spiffe://cluster.local/workload",
	} {
		_, err := probe.ParseSPIFFEID(wrong)
		var field *probe.FieldError
		require.ErrorAs(t, err, &field, wrong)
		require.NotEmpty(t, field.Remedy)
	}
	require.Panics(t, func() { probe.MustSPIFFEID("httpbin") })
}

func TestSPIFFEIDAsText(t *testing.T) {
	data, err := json.Marshal(map[string]probe.SPIFFEID{"id": sleepID, "none": {}})
	require.NoError(t, err)
	require.JSONEq(t, `{"id": "spiffe://cluster.local/ns/default/sa/sleep", "none": ""}`, string(data))
	var back map[string]probe.SPIFFEID
	require.NoError(t, json.Unmarshal(data, &back))
	require.Equal(t, map[string]probe.SPIFFEID{"id": sleepID, "none": {}}, back)
	require.True(t, back["none"].IsZero())
	require.Error(t, json.Unmarshal([]byte(`{"id": "sleep"}`), &back))
}

func FuzzParseSPIFFEID(f *testing.F) {
	f.Add(sleepID.String())
	f.Add("spiffe://a/ns/b/sa/c/d")
	f.Fuzz(func(t *testing.T, s string) {
		if id, err := probe.ParseSPIFFEID(s); err == nil {
			require.Equal(t, s, id.String())
			require.False(t, id.IsZero())
		}
	})
}
