package peering_test

import (
	"bytes"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/client-go/rest"

	"github.com/meshpeer/meshpeer/peering"
)

// TestWarningsOfAServerAreBounded: it may warn of something else each time, at length.
func TestWarningsOfAServerAreBounded(t *testing.T) {
	var n atomic.Int64
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for range 50 {
			w.Header().Add("Warning", fmt.Sprintf(`299 - "x%d %s <b> Bearer abcdefgh1234"`, n.Add(1), strings.Repeat("long ", 1000)))
		}
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, `{"kind":"Namespace","apiVersion":"v1","metadata":{"name":"kube-system","uid":"server"}}`)
	}))
	t.Cleanup(server.Close)
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	west, err := peering.Connect(peering.MustID("west"), &rest.Config{Host: server.URL, TLSClientConfig: rest.TLSClientConfig{CAData: ca}}, peering.ConnectOptions{AllowLoopback: true})
	require.NoError(t, err)
	_, east, _, _ := pair()
	for range 2 {
		report, _ := new(peering.Peering).Verify(t.Context(), peering.Link{From: east.Cluster, To: west})
		require.NotEmpty(t, report.Warnings["west"])
		require.LessOrEqual(t, len(report.Warnings["west"]), 65)
		for _, text := range report.Warnings["west"] {
			printable(t, text, 4<<10)
			require.NotContains(t, text, "abcdefgh1234")
		}
		var out bytes.Buffer
		require.NoError(t, report.WriteText(&out))
		require.Less(t, out.Len(), 256<<10)
		requireSelfContained(t, writeHTML(t, report, peering.HTMLOptions{}))
	}
}

// TestConnectHidesCredentialsOfAHost that no client can be made of.
func TestConnectHidesCredentialsOfAHost(t *testing.T) {
	c := newCredentials()
	for _, host := range []string{"https://user:%s@10.0.0.1", "https://user:%s%%zz@10.0.0.1", "user:%s@10.0.0.1:6443", "https://10.0.0.1?token=%s#%s@x y"} {
		host = strings.ReplaceAll(strings.ReplaceAll(host, "%s", c.hidden[1]), "%%", "%")
		_, err := peering.Connect(peering.MustID("east"), &rest.Config{Host: host}, peering.ConnectOptions{})
		if err != nil {
			c.none(t, host[:10], err.Error())
		}
	}
}
