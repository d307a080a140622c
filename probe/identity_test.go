package probe_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/meshpeer/meshpeer/probe"
)

// python and golang are the two ways in which an httpbin shows the headers that it was sent.
func python(xfcc string) string {
	return fmt.Sprintf(`{"headers": {"Accept": "*/*", "X-Forwarded-Client-Cert": %q}}`, xfcc)
}

func golang(xfcc ...string) string {
	return fmt.Sprintf(`{"headers": {"Accept": ["*/*"], "X-Forwarded-Client-Cert": ["%s"]}}`, strings.ReplaceAll(strings.Join(xfcc, `", "`), `Subject=""`, `Subject=\"\"`))
}

const bare = `{"headers": {"Accept": ["*/*"]}}`

func TestIdentity(t *testing.T) {
	asked := probe.Identity{URL: "http://httpbin:8000", Client: sleepID, Server: httpbinID}
	for _, tt := range []struct {
		name          string
		from, control probe.Sender
		status        probe.Status
		says          string
	}{
		{"refused plain text proves it", says(200, python(seenXFCC)), fails(probe.KindReset), probe.Passed, "the control, which has no certificate, was refused"},
		{"an empty reply too", says(200, golang(seenXFCC)), fails(probe.KindEmpty), probe.Passed, "was refused"},
		{"an answer without the header proves it", says(200, golang(seenXFCC)), says(200, bare), probe.Passed, "which has no certificate, got none"},
		{"no control", says(200, golang(seenXFCC)), nil, probe.Warned, "without a control"},
		{"control in the dark", says(200, golang(seenXFCC)), fails(probe.KindTimeout), probe.Warned, "could not ask"},
		{"control without curl", says(200, golang(seenXFCC)), fails(probe.KindNoCurl), probe.Warned, "could not ask"},
		{"control at a proxy", says(200, golang(seenXFCC)), says(503, ""), probe.Warned, "was not answered by the app"},
		{"control elsewhere", says(200, golang(seenXFCC)), says(200, "hello"), probe.Warned, "cannot be read"},
		{"control got one too", says(200, golang(seenXFCC)), says(200, golang(seenXFCC)), probe.Unknown, "the header proves nothing"},
		{"no header is not plain text", says(200, bare), fails(probe.KindReset), probe.Unknown, "the server's app got no X-Forwarded-Client-Cert"},
		{"two hops in one header", says(200, golang("By=spiffe://cluster.local/ns/istio-system/sa/gw;URI=spiffe://cluster.local/ns/default/sa/sleep,"+seenXFCC)), fails(probe.KindReset), probe.Unknown, "2 hops"},
		{"two hops in two headers", says(200, golang("By=a;URI=b", seenXFCC)), fails(probe.KindReset), probe.Unknown, "2 hops"},
		{"not Istio's", says(200, golang("By=httpbin;URI=sleep")), nil, probe.Unknown, "does not name one client and one server"},
		{"two names", says(200, golang(seenXFCC+";URI=spiffe://cluster.local/ns/default/sa/other")), nil, probe.Unknown, "does not name one client"},
		{"not Envoy's", says(200, golang("hello")), nil, probe.Unknown, "cannot be read"},
		{"not an httpbin", says(200, "<html>"), nil, probe.Unknown, "cannot be read"},
		{"other JSON", says(200, `{"a": 1}`), nil, probe.Unknown, "cannot be read"},
		{"odd header values", says(200, `{"headers": {"A": 1}}`), nil, probe.Unknown, "cannot be read"},
		{"no such page", says(404, ""), nil, probe.Unknown, "no /headers"},
		{"denied", says(403, "RBAC: access denied"), nil, probe.Failed, "AuthorizationPolicy"},
		{"no answer", fails(probe.KindDNS), nil, probe.Failed, "no address"},
		{"other client", says(200, golang(strings.Replace(seenXFCC, "sa/sleep", "sa/other", 1))), fails(probe.KindReset), probe.Failed, "the client is spiffe://cluster.local/ns/default/sa/other, not " + sleepID.String()},
		{"other server", says(200, golang(strings.Replace(seenXFCC, "sa/httpbin", "sa/other", 1))), fails(probe.KindReset), probe.Failed, "the server is spiffe://cluster.local/ns/default/sa/other"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			i := asked
			i.From, i.Control = tt.from, tt.control
			r := i.Probe(t.Context())
			require.Equal(t, tt.status, r.Status, r)
			require.Contains(t, r.Summary, tt.says)
			require.Equal(t, "mutual-tls", r.Check)
			require.Equal(t, tt.status == probe.Passed, r.Hint == "", r.Hint)
		})
	}
}

func TestIdentityStatesBothSides(t *testing.T) {
	i := probe.Identity{From: says(200, golang(seenXFCC)), URL: "http://httpbin:8000"}
	peers, err := i.Look(t.Context())
	require.NoError(t, err)
	require.Equal(t, sleepID, peers.Client)
	require.Equal(t, httpbinID, peers.Server)
	require.Equal(t, probe.Observed, peers.Proof)

	i.Control, i.ControlName, i.ControlURL = fails(probe.KindReset), "plain in cluster-1", "http://10.1.0.4:8080"
	peers, err = i.Look(t.Context())
	require.NoError(t, err)
	require.Equal(t, probe.Observed, peers.Proof, "nothing is proved of identities that nobody expected")
	require.Contains(t, peers.Why, "plain in cluster-1")

	i.Client, i.Server = sleepID, sleepID
	_, err = i.Look(t.Context())
	var wrong *probe.IdentityError
	require.ErrorAs(t, err, &wrong)
	require.Equal(t, &probe.IdentityError{Side: "server", Want: sleepID, Got: httpbinID}, wrong)
}
