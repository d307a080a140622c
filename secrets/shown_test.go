package secrets_test

import (
	"bytes"
	"context"
	"encoding/gob"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/yaml"

	"github.com/meshpeer/meshpeer/secrets"
)

// spellings are URLs with a password, in ways that net/url takes, refuses or misreads.
var spellings = []string{
	"http://user:PW@proxy:3128", "https://user:PW@proxy", "socks5://user:PW@proxy:1080", "HTTP://user:PW@proxy", "http://PW@proxy", "http://:PW@proxy", "http://user:PW@proxy/", "http://user:PW@10.0.0.1:3128", "http://user:PW@[2001:db8::1]:3128",
	"http://user:PW%40proxy:3128", "http://user:PW＠proxy:3128", "http://user%3APW%40proxy", "http://user:PW%@proxy", "http://user:%zzPW@proxy", "http://user:PW%2@proxy", "http://us er:PW@proxy",
	"user:PW@proxy:3128", "PW@proxy", "user:PW", "http:user:PW@proxy", "http:/user:PW@proxy", "http:///user:PW@proxy", "//user:PW@proxy:3128", "http//user:PW@proxy", "http:PW", "http://user:PW", "http://user:PW@",
	"://user:PW@proxy", "PW://proxy", "gopher://user:PW@proxy", "ftp://user:PW@proxy", "socks5h://user:PW@proxy", "1http://user:PW@proxy", "data:,PW", "mailto:PW@proxy", "file:///PW",
	" http://user:PW@proxy", "http://user:PW@proxy ", "\thttp://user:PW@proxy", "http://user:PW@proxy\n", "http://user:PW@proxy\r\n", "http://user:\x00PW@proxy", "http://user:PW\x7f@proxy", "\ufeffhttp://user:PW@proxy", "http://user:PW\u2028@proxy",
	`http:\\user:PW@proxy`, `http://user:PW\@proxy`, `http://user:PW@proxy\x`, `"http://user:PW@proxy"`, "<http://user:PW@proxy>",
	"http://user:PW@[::1", "http://user:PW@::1]", "http://user:PW@2001:db8::1:3128", "http://user:PW@proxy:port", "http://user:PW@proxy:99999", "http://user:PW@proxy:31:28", "http://user:PW@a..b", "http://user:PW@-", "https://[fe80::1%25PW]:1", "https://[::1%PW]",
	"https://proxy/http://user:PW@x", "https://proxy/user:PW@x", "https://proxy/?u=PW", "https://proxy?PW", "https://proxy#PW", "https://proxy/#user:PW@x", "https://proxy/a?b=http://u:PW@x", "https://proxy/PW", "https://proxy/;PW", "https://proxy/a/PW%20b",
	"http://user:PW@evil@proxy", "http://proxy:3128@user:PW", "http://user:PW@proxy@", "http://a:PW@b:c@d", "http://user:PW%00@proxy", "http://user:PW@pro\u200bxy", "http://user:PW@ｐroxy",
}

// within are what people have in their passwords, and what ends a part of a URL early.
var within = []string{"", "/", "?", "#", "@", ":", "%", "%40", " ", `\`, "＠", "é", "[", "]", "&", "\t", ";", "+", "//", "://", "/@", "?@", "#@"}

func TestURLsShowNoPassword(t *testing.T) {
	for i, spelling := range spellings {
		t.Run(spelling, func(t *testing.T) {
			first, second := random(), random()
			for j, w := range within {
				if i > 2 && w != "" && (i+j)%11 != 0 { // each of them with some of the spellings
					continue
				}
				raw := strings.ReplaceAll(spelling, "PW", first+w+second)
				for _, e := range []secrets.Endpoint{{Server: "https://10.0.0.1", ProxyURL: raw}, {Server: raw}} {
					for k, door := range doors(t, e) {
						text := strings.ToLower(prints(door))
						if strings.Contains(text, first) || strings.Contains(text, second) {
							t.Fatalf("%q: door %d, a %T, leaks", w, k, door)
						}
					}
				}
			}
		})
	}
}

// doors are all the ways by which something of e comes out of the package.
func doors(t *testing.T, e secrets.Endpoint) []any {
	t.Helper()
	remote := secrets.Remote{Cluster: "east", Endpoint: e, Token: secrets.NewToken("token", time.Time{})}
	_, buildErr := secrets.Build(remote, secrets.Options{})
	kubeconfig := config(t)
	kubeconfig.Clusters["east"].Server, kubeconfig.Clusters["east"].ProxyURL = e.Server, e.ProxyURL
	written, _ := clientcmd.Write(*kubeconfig) // YAML does not take every control character
	secret := remoteSecret(map[string][]byte{"east": written})
	remotes, parseErr := secrets.Parse(secret)
	_, proxyErr := e.Proxy()
	choice, chooseErr := secrets.ChooseCA(t.Context(), e, nil, secrets.ChooseOptions{
		Dial: func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("refused") },
	})
	out := []any{
		e, &e,
		struct{ E secrets.Endpoint }{e},
		struct{ E *secrets.Endpoint }{&e},
		[]secrets.Endpoint{e},
		map[string]*secrets.Endpoint{"a": &e},
		remote, &remote, e.Validate(), e.Warnings(), buildErr, parseErr, remotes, secrets.Lint(secret), proxyErr, choice, chooseErr,
	}
	var plain bytes.Buffer
	if err := gob.NewEncoder(&plain).Encode(e); err == nil {
		out = append(out, plain.String())
	}
	for _, text := range []func() (string, error){
		func() (string, error) { b, err := e.MarshalText(); return string(b), err },
		func() (string, error) { b, err := e.MarshalBinary(); return string(b), err },
		func() (string, error) { b, err := yaml.Marshal(remote); return string(b), err },
	} {
		said, err := text()
		require.NoError(t, err)
		out = append(out, said)
	}
	return out
}

// TestURLsStillSayWhere: what is no credential is shown.
func TestURLsStillSayWhere(t *testing.T) {
	for raw, want := range map[string]string{
		"":                         "",
		"https://10.0.0.1:6443":    "https://10.0.0.1:6443",
		"https://api_east.example": "https://api_east.example",
		"https://A0B1C2D3E4F5A6B7C8D9E0F1A2B3C4D5.gr7.us-west-2.eks.amazonaws.com": "https://A0B1C2D3E4F5A6B7C8D9E0F1A2B3C4D5.gr7.us-west-2.eks.amazonaws.com",
		"HTTPS://[2001:db8::1]:6443":                     "HTTPS://[2001:db8::1]:6443",
		"https://rancher.example/k8s/clusters/c-m-1":     "https://rancher.example/k8s/clusters/c-m-1",
		"https://user:pw@10.0.0.1/x":                     "https://REDACTED@10.0.0.1/x",
		"https://10.0.0.1/x?a=b#c":                       "https://10.0.0.1/x?REDACTED",
		"https://10.0.0.1#":                              "https://10.0.0.1?REDACTED",
		"10.0.0.1:6443":                                  "10.0.0.1:6443",
		"gateway:443":                                    "gateway:443",
		"api.east.example":                               "api.east.example",
		"https://10.0.0.1/api/services/https:api:443/pr": "https://10.0.0.1/REDACTED",
		"https://[::1":                                   "REDACTED",
		"http://user:pa@ss/word@proxy:3128":              "REDACTED",
		"http://user:pa@ss?word@proxy:3128":              "REDACTED",
		"http://user:pa@ss#word%40proxy:3128":            "REDACTED",
		"http://user:12/34@proxy:3128":                   "REDACTED",
		"http://user:pa@ss＠proxy:3128":                   "REDACTED",
		"http:pa":                                        "REDACTED",
		"https://" + strings.Repeat("a.", 200):           "REDACTED",
		"gateway":                                        "REDACTED",
	} {
		require.Equal(t, want, secrets.Endpoint{Server: raw}.String(), "%q", raw)
	}
}

// TestProxyAuthIsHeldApart: not even fmt, which no method keeps from an unexported field, finds it there.
func TestProxyAuthIsHeldApart(t *testing.T) {
	hidden := random()
	auth := secrets.NewProxyAuth("user", hidden)
	e := secrets.Endpoint{Server: "https://10.0.0.1", ProxyURL: "http://proxy:3128", ProxyAuth: auth, CA: testCA(t)}
	remote := secrets.Remote{Cluster: "east", Endpoint: e, Token: secrets.NewToken(hidden, time.Time{})}
	secret, err := secrets.Build(remote, secrets.Options{})
	require.NoError(t, err)
	require.Contains(t, string(secret.Data["east"]), "http://user:"+hidden+"@proxy:3128")
	parsed, err := secrets.Parse(secret)
	require.NoError(t, err)
	require.Equal(t, "http://proxy:3128", parsed[0].Endpoint.ProxyURL)
	inline := e
	inline.ProxyURL, inline.ProxyAuth = "http://user:"+hidden+"@proxy:3128", secrets.ProxyAuth{}
	var read secrets.Endpoint
	require.NoError(t, json.Unmarshal([]byte(`{"server":"https://10.0.0.1","proxyURL":"`+inline.ProxyURL+`"}`), &read))

	for _, one := range []secrets.Endpoint{e, parsed[0].Endpoint, read} {
		user, password := one.ProxyAuth.Reveal()
		require.Equal(t, "user", user)
		require.True(t, password == hidden)
		require.True(t, one.ProxyAuth.Equal(auth))
		requireNoLeak(t, hidden, one, struct{ e secrets.Endpoint }{one}, struct{ e *secrets.Endpoint }{&one}, &struct{ a any }{one}, struct{ r secrets.Remote }{parsed[0]},
			struct{ a secrets.ProxyAuth }{auth}, auth, &auth)
		requireNoLeak(t, hidden, fmt.Sprintf("%+v", struct{ x []any }{[]any{one, &auth}}))
		var said printer // what prints by reflection alone, without methods
		require.False(t, assert.Equal(&said, struct{ r secrets.Remote }{parsed[0]}, struct{ e secrets.Endpoint }{one}))
		require.False(t, assert.Equal(&said, one, secrets.Endpoint{}))
		require.NotEmpty(t, said)
		requireNoLeak(t, hidden, string(said))
	}
	require.True(t, e.Equal(inline))
	require.True(t, inline.Equal(parsed[0].Endpoint))
	e.ProxyAuth = secrets.NewProxyAuth("user", hidden+"x")
	require.False(t, e.Equal(inline))
	e.ProxyAuth = secrets.ProxyAuth{}
	require.False(t, e.Equal(inline))
	require.Equal(t, "REDACTED", auth.String())
	require.Equal(t, "REDACTED", fmt.Sprintf("%d", auth))
	require.False(t, secrets.NewProxyAuth("", "").Equal(secrets.ProxyAuth{}))

	inline.ProxyAuth = auth
	require.ErrorContains(t, inline.Validate(), "Endpoint.ProxyAuth")
	require.ErrorContains(t, secrets.Endpoint{Server: "https://10.0.0.1", ProxyAuth: auth}.Validate(), "is set without a proxy")
}

// printer keeps what an assertion says of two values.
type printer string

func (p *printer) Errorf(format string, args ...any) { *p += printer(fmt.Sprintf(format, args...)) }

// TestProxyAuthKeepsWhatIstiodReads: splitting and joining a URL changes nothing for the proxy.
func TestProxyAuthKeepsWhatIstiodReads(t *testing.T) {
	for _, raw := range []string{"http://u:p@proxy", "http://u%40b:%20@proxy", "http://u@proxy", "http://:p@proxy", "http://u:@proxy:1", "http://u:a%2Fb%3F%23@proxy", "socks5://u:p@[2001:db8::2]:1080", "http://@proxy"} {
		kubeconfig := config(t)
		kubeconfig.Clusters["east"].ProxyURL = raw
		parsed, err := secrets.Parse(remoteSecret(map[string][]byte{"east": encode(t, kubeconfig)}))
		require.NoError(t, err)
		require.True(t, parsed[0].Endpoint.Equal(secrets.Endpoint{Server: "https://10.0.0.1:6443", CA: testCA(t), ProxyURL: raw}), "%q", raw)
		u, err := parsed[0].Endpoint.Proxy()
		require.NoError(t, err)
		require.Equal(t, raw, u.String())
		secret, err := secrets.Build(parsed[0], secrets.Options{})
		require.NoError(t, err)
		require.Equal(t, string(encode(t, kubeconfig)), string(secret.Data["east"]), "not a byte differs")
	}
}

// TestWhatWasPrintedIsNotRead: an endpoint that has lost its password, its CA or a part of its address on the way is refused.
func TestWhatWasPrintedIsNotRead(t *testing.T) {
	good := secrets.Endpoint{Server: "https://10.0.0.1:6443", CA: testCA(t), TLSServerName: "api.east.example", ProxyURL: "http://proxy:3128", AllowLoopback: true}
	for name, spoil := range map[string]func(*secrets.Endpoint){
		"proxy with a user":      func(e *secrets.Endpoint) { e.ProxyURL = "http://user:" + random() + "@proxy:3128" },
		"proxy that is no URL":   func(e *secrets.Endpoint) { e.ProxyURL = "user:" + random() + "@proxy:3128" },
		"proxy auth":             func(e *secrets.Endpoint) { e.ProxyAuth = secrets.NewProxyAuth("user", random()) },
		"server with a user":     func(e *secrets.Endpoint) { e.Server = "https://" + random() + "@10.0.0.1" },
		"server with a query":    func(e *secrets.Endpoint) { e.Server = "https://10.0.0.1?" + random() },
		"server with odd a path": func(e *secrets.Endpoint) { e.Server = "https://10.0.0.1/a:" + random() },
		"CA with a key":          func(e *secrets.Endpoint) { e.CA = pemBlock("PRIVATE KEY") },
		"CA with text":           func(e *secrets.Endpoint) { e.CA = append([]byte(random()+"\n"), e.CA...) },
	} {
		t.Run(name, func(t *testing.T) {
			e := good
			spoil(&e)
			asJSON, err := json.Marshal(e)
			require.NoError(t, err)
			asYAML, err := yaml.Marshal(e)
			require.NoError(t, err)
			var asGob bytes.Buffer
			require.NoError(t, gob.NewEncoder(&asGob).Encode(e))
			var back secrets.Endpoint
			require.Error(t, json.Unmarshal(asJSON, &back))
			require.Error(t, yaml.Unmarshal(asYAML, &back))
			require.Error(t, gob.NewDecoder(&asGob).Decode(&back))
			require.Empty(t, back)
		})
	}
	for _, e := range []secrets.Endpoint{
		{Server: "https://10.0.0.1", ProxyURL: "http://REDACTED@proxy:3128"},
		{Server: "https://10.0.0.1", ProxyURL: "REDACTED"},
		{Server: "https://10.0.0.1/REDACTED"},
		{Server: "https://10.0.0.1", TLSServerName: "REDACTED"},
	} {
		require.ErrorContains(t, e.Validate(), "was printed")
	}
	// What hides nothing goes both ways, and comments of a CA stay behind.
	for _, ca := range [][]byte{good.CA, nil, append([]byte("# "+random()+"\n"), good.CA...)} {
		e := good
		e.CA = ca
		asJSON, err := json.Marshal(e)
		require.NoError(t, err)
		var back secrets.Endpoint
		require.NoError(t, json.Unmarshal(asJSON, &back))
		require.True(t, e.Equal(back))
		require.True(t, back.AllowLoopback)
		require.NotContains(t, string(back.CA), "#")
		var asGob bytes.Buffer
		require.NoError(t, gob.NewEncoder(&asGob).Encode(e))
		require.NoError(t, gob.NewDecoder(&asGob).Decode(&back))
		require.True(t, e.Equal(back))
	}
	require.Error(t, json.Unmarshal([]byte(`"REDACTED"`), new(secrets.Token)))
	require.Error(t, json.Unmarshal([]byte(`"REDACTED"`), new(secrets.ProxyAuth)))
	asJSON, err := json.Marshal(secrets.Remote{Cluster: "east", Endpoint: good})
	require.NoError(t, err)
	require.Error(t, json.Unmarshal(asJSON, new(secrets.Remote)))
}
