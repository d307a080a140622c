package secrets_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"encoding/xml"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	authenticationv1 "k8s.io/api/authentication/v1"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"sigs.k8s.io/yaml"

	"github.com/meshpeer/meshpeer/secrets"
)

// prints is what all the ways to print v give, as one text.
func prints(v any) string {
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%10.3v", "%t"} {
		fmt.Fprintf(&out, verb+"\n", v)
	}
	for _, marshal := range []func(any) ([]byte, error){json.Marshal, xml.Marshal, func(v any) ([]byte, error) { return yaml.Marshal(v) }} {
		data, err := marshal(v)
		fmt.Fprintf(&out, "%s %v\n", data, err)
	}
	slog.New(slog.NewTextHandler(&out, nil)).Info("text", "value", v)
	slog.New(slog.NewJSONHandler(&out, nil)).Info("json", "value", v)
	return out.String()
}

// requireNoLeak fails without showing the value.
func requireNoLeak(t testing.TB, hidden string, values ...any) {
	t.Helper()
	for i, v := range values {
		text := strings.ToLower(prints(v))
		for _, form := range []string{hidden, hex.EncodeToString([]byte(hidden)), base64.StdEncoding.EncodeToString([]byte(hidden)), fmt.Sprint([]byte(hidden))} {
			if strings.Contains(text, strings.ToLower(form)) {
				t.Fatalf("value %d, a %T, leaks", i, v)
			}
		}
	}
}

// random is a secret, with digits inside as nearly all have.
func random() string { return "s4t" + strings.ToLower(rand.Text()) }

func TestLeakOfPrintedTypes(t *testing.T) {
	hidden := random()
	token := secrets.NewToken(hidden, time.Now()).WithRef(secrets.Ref{Kind: secrets.KindStatic, Name: "x"})
	endpoint := secrets.Endpoint{
		Server:   "https://user:" + hidden + "@10.0.0.1?token=" + hidden,
		ProxyURL: "http://" + hidden + ":" + hidden + "@proxy:3128",
		CA:       pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte(hidden)}),
	}
	remote := secrets.Remote{Cluster: "east", Endpoint: endpoint, Token: token}
	require.Contains(t, prints(token), "REDACTED")
	require.Equal(t, "REDACTED", token.String())
	require.Equal(t, "REDACTED", token.GoString())
	requireNoLeak(
		t, hidden,
		token, &token, []secrets.Token{token}, map[string]any{"a": token},
		struct{ T secrets.Token }{token}, struct{ t secrets.Token }{token}, struct{ t *secrets.Token }{&token}, &struct{ t any }{token},
		token.Ref(), remote, &remote, []secrets.Remote{remote}, struct{ R *secrets.Remote }{&remote},
		endpoint, &endpoint, struct{ E *secrets.Endpoint }{&endpoint},
		secrets.Endpoint{ProxyURL: "http://u:" + hidden + "%zz@proxy", Server: "user:" + hidden + "@host"},
		secrets.Static(token), secrets.First(secrets.Static(token)),
		endpoint.Validate(),
	)
}

func TestLeakOfBuild(t *testing.T) {
	hidden := random()
	for _, spoil := range []func(*secrets.Remote){
		func(r *secrets.Remote) { r.Token = secrets.NewToken(hidden+"\n", time.Time{}) },
		func(r *secrets.Remote) { r.Cluster, r.Token = "a b", secrets.NewToken(hidden, time.Time{}) },
		func(r *secrets.Remote) { r.Endpoint.ProxyURL = "ftp://u:" + hidden + "@proxy" },
		func(r *secrets.Remote) { r.Endpoint.ProxyURL = "http://u:" + hidden + " @proxy" },
		func(r *secrets.Remote) { r.Endpoint.ProxyURL = "http://u:" + hidden + "@localhost" },
		func(r *secrets.Remote) { r.Endpoint.Server = "https://u:" + hidden + "@localhost" },
		func(r *secrets.Remote) { r.Endpoint.Server = "u:" + hidden + "@localhost" },
		func(r *secrets.Remote) {
			r.Endpoint.CA = pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte(hidden)})
		},
	} {
		r := remote(t)
		spoil(&r)
		_, err := secrets.Build(r, secrets.Options{})
		require.Error(t, err)
		requireNoLeak(t, hidden, err, r)
	}
}

func TestLeakOfLintAndParse(t *testing.T) {
	hidden := random()
	for _, c := range spoiled {
		t.Run(c.name, func(t *testing.T) {
			kubeconfig := config(t)
			current := kubeconfig.AuthInfos["east"]
			current.Token = hidden
			c.spoil(kubeconfig, kubeconfig.Clusters["east"], current)
			if current := kubeconfig.AuthInfos["east"]; current != nil {
				current.Impersonate = ""
				if current.Password != "" {
					current.Password = hidden
				}
			}
			if kubeconfig.AuthInfos == nil {
				kubeconfig = config(t)
			}
			kubeconfig.AuthInfos["more"] = &clientcmdapi.AuthInfo{
				Password: hidden, ClientKeyData: []byte(hidden),
				AuthProvider: &clientcmdapi.AuthProviderConfig{Name: "oidc", Config: map[string]string{"refresh-token": hidden}},
			}
			kubeconfig.Clusters["more"] = &clientcmdapi.Cluster{Server: "https://x", ProxyURL: "http://u:" + hidden + "@proxy"}
			raw := encode(t, kubeconfig)
			// The same file once more with every name of a user and context spoiled by the token.
			for _, data := range [][]byte{
				raw,
				bytes.ReplaceAll(raw, []byte("user: east"), []byte("user: "+hidden)),
				bytes.ReplaceAll(raw, []byte("current-context: east"), []byte("current-context: "+hidden)),
				append(bytes.Clone(raw), "users: [{name: a, user: {token: "+hidden+"}}, {name: a}]\n"...),
				append(bytes.Clone(raw), hidden+": {"...),
			} {
				secret := remoteSecret(map[string][]byte{"east": data})
				remotes, err := secrets.Parse(secret)
				requireNoLeak(t, hidden, secrets.Lint(secret), remotes, err)
			}
		})
	}
	for _, text := range []string{
		"users: [{name: a, user: {token: %s}}, {name: a, user: {token: %s}}]",
		"users: [{name: a, user: {token: %s", "%s", "kind: %s", "apiVersion: %s", "apiVersion: v1\nkind: Config\nusers: %s",
		"users:\n- name: a\n  user:\n    token: {%s: 1}", "clusters: [{name: a, cluster: {certificate-authority-data: '%s!'}}]",
	} {
		secret := remoteSecret(map[string][]byte{"east": []byte(strings.ReplaceAll(text, "%s", hidden))})
		_, err := secrets.Parse(secret)
		require.Error(t, err)
		requireNoLeak(t, hidden, secrets.Lint(secret), err)
	}
}

func TestLeakOfSources(t *testing.T) {
	hidden := random()
	value := jwt(t, map[string]any{"jti": hidden, "kubernetes.io": map[string]any{"serviceaccount": map[string]any{"uid": "other-uid"}}})
	s := &store{
		onGet: func(_ int, s *store, name string) error {
			s.fill(name, value, "other-uid")
			return nil
		},
		deleteErr: errors.New("refused"),
	}
	durable := secrets.Durable{Secrets: s, Poll: time.Millisecond}
	_, err := durable.Token(t.Context(), request())
	require.ErrorIs(t, err, secrets.ErrNoToken)
	requireNoLeak(t, value, err)
	requireNoLeak(t, hidden, err)

	bound := secrets.Bound{Secrets: &store{}, Accounts: accounts(func(context.Context, string, *authenticationv1.TokenRequest) (*authenticationv1.TokenRequest, error) {
		return &authenticationv1.TokenRequest{Status: authenticationv1.TokenRequestStatus{Token: value}}, nil
	})}
	_, err = bound.Token(t.Context(), request())
	require.ErrorIs(t, err, secrets.ErrNoToken)
	requireNoLeak(t, value, err)

	req := request()
	req.ServiceAccountUID = ""
	token, err := bound.Token(t.Context(), req)
	require.NoError(t, err)
	claims, err := token.Claims()
	require.NoError(t, err)
	requireNoLeak(t, value, token, token.Ref(), claims)

	first, err := secrets.First(failing(errors.New("no")), durable, secrets.Static(secrets.NewToken(value, time.Time{}))).Token(t.Context(), req)
	require.Error(t, err, "the object of the first attempt is still there")
	requireNoLeak(t, value, first, err)
	_, err = secrets.NewToken(hidden, time.Time{}).Claims()
	requireNoLeak(t, hidden, err)
}
