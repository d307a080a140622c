package peering_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/gob"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"encoding/xml"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"log/slog"
	"math/big"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/yaml"

	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/peering/istiod"
	"github.com/meshpeer/meshpeer/peering/peeringtest"
	"github.com/meshpeer/meshpeer/peering/preflight"
	"github.com/meshpeer/meshpeer/peering/traffic"
	"github.com/meshpeer/meshpeer/probe"
	"github.com/meshpeer/meshpeer/secrets"
)

// printers are the ways to print a value. A user may hold it in any of the wrappings.
func prints(v any) string {
	var out bytes.Buffer
	wrapped := []any{v, &v, []any{v}, map[string]any{"v": v}, struct{ V any }{v}, struct{ v any }{v}}
	for _, v := range wrapped {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t", "%10.3v", "%o", "%e", "%U", "%c"} {
			fmt.Fprintf(&out, verb+"\n", v)
		}
	}
	for _, marshal := range []func(any) ([]byte, error){json.Marshal, xml.Marshal, func(v any) ([]byte, error) { return yaml.Marshal(v) }} {
		data, err := marshal(v)
		fmt.Fprintf(&out, "%s %v\n", data, err)
	}
	if v != nil {
		fmt.Fprintln(&out, gob.NewEncoder(&out).Encode(v))
	}
	slog.New(slog.NewTextHandler(&out, nil)).Info("text", "value", v)
	slog.New(slog.NewJSONHandler(&out, nil)).Info("json", "value", v)
	return out.String()
}

// recorder keeps what a failing assertion prints: testify follows pointers and unexported fields.
type recorder struct{ bytes.Buffer }

func (r *recorder) Errorf(format string, args ...any) { fmt.Fprintf(&r.Buffer, format, args...) }

func diffed(v any) string {
	var r recorder
	assert.Equal(&r, nil, v)
	assert.Equal(&r, v, struct{ v any }{v})
	return r.String()
}

// reach visits whatever reflection reaches from v: fields, exported or not, pointers, maps and interfaces.
type reach struct {
	types   map[string]bool   // of packages peering and traffic
	strings map[string]string // with the way there
	seen    map[any]bool
}

func (r *reach) visit(v reflect.Value, way string) {
	if !v.IsValid() {
		return
	}
	r.types[v.Type().String()] = true
	switch v.Kind() {
	case reflect.String:
		r.strings[v.String()] = way
	case reflect.Pointer:
		if key := [2]any{v.Pointer(), v.Type()}; !v.IsNil() && !r.seen[key] {
			r.seen[key] = true
			r.visit(v.Elem(), way+" -> "+v.Type().Elem().String())
		}
	case reflect.Interface:
		r.visit(v.Elem(), way)
	case reflect.Struct:
		for i := range v.NumField() {
			r.visit(v.Field(i), way+"."+v.Type().Field(i).Name)
		}
	case reflect.Map:
		for _, key := range v.MapKeys() {
			r.visit(key, way)
			r.visit(v.MapIndex(key), way)
		}
	case reflect.Slice, reflect.Array:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			text := make([]byte, v.Len())
			for i := range text {
				text[i] = byte(v.Index(i).Uint())
			}
			r.strings[string(text)] = way
			return
		}
		for i := range v.Len() {
			r.visit(v.Index(i), way)
		}
	}
}

// credentials are random ones, each in a form that shows what it is, as servers and commands let them slip out.
type credentials struct {
	hidden []string
	text   string
}

func newCredentials() credentials {
	random := func() string { return "s" + strings.ToLower(rand.Text()) }
	encode := base64.RawURLEncoding.EncodeToString
	token, bearer, basic, password, key := encode([]byte(rand.Text())), random(), random(), random(), random()
	return credentials{
		hidden: []string{token, bearer, basic, password, key},
		text: "x eyJhbGciOiJSUzI1NiJ9." + token + "." + token + " Authorization: Bearer " + bearer + " and Basic " + basic +
			" at http://user:" + password + "@proxy.example:3128\n-----BEGIN EC PRIVATE KEY-----\n" + key + "\n-----END EC PRIVATE KEY-----\n",
	}
}

func (c credentials) none(t *testing.T, what, out string) {
	t.Helper()
	lower := strings.ToLower(out)
	for i, hidden := range c.hidden {
		for _, form := range []string{hidden, hex.EncodeToString([]byte(hidden)), base64.StdEncoding.EncodeToString([]byte(hidden)), fmt.Sprint([]byte(hidden))} {
			if strings.Contains(lower, strings.ToLower(form)) {
				t.Fatalf("credential %d is in %s", i, what) // without the value
			}
		}
	}
}

// check prints the values in every way and follows whatever they hold.
func (c credentials) check(t *testing.T, r *reach, values ...any) {
	t.Helper()
	for i, v := range values {
		what := fmt.Sprintf("value %d, a %T", i, v)
		c.none(t, what, prints(v))
		r.visit(reflect.ValueOf(v), fmt.Sprintf("%T", v))
	}
	for text, way := range r.strings {
		c.none(t, way, text)
	}
}

// TestNoCredentialLeaves takes credentials through every door, and a cluster with each kind of credential of its own. Every
// exported type of the package must have been looked at, so that a new one cannot be forgotten.
func TestNoCredentialLeaves(t *testing.T) {
	r := &reach{types: map[string]bool{}, strings: map[string]string{}, seen: map[any]bool{}}
	for door := range doors {
		c := newCredentials()
		s := through(t, door, c.text)
		for _, lines := range [][]string{s.lines, s.html} {
			c.none(t, door, strings.Join(lines, "\n"))
		}
		for _, page := range s.pages {
			c.none(t, door, page)
		}
		for _, data := range append(s.junit, s.json...) {
			c.none(t, door, string(data))
		}
		r.strings = map[string]string{}
		some := s.all
		if len(some) > 12 { // many events are alike
			some = append(some[:6:6], some[len(some)-6:]...)
		}
		c.check(t, r, some...)
		c.none(t, door, diffed(s.all[len(s.all)-1]))
		for _, v := range s.all {
			r.visit(reflect.ValueOf(v), fmt.Sprintf("%T", v))
		}
		for text, way := range r.strings {
			c.none(t, door+": "+way, text)
		}
	}
	for _, config := range configs(t) {
		r.strings = map[string]string{}
		config.check(t, r, config.values...)
		for _, v := range config.values {
			config.none(t, "a diff", diffed(v))
		}
	}
	c := newCredentials()
	for _, err := range handmade(c.text) {
		c.none(t, fmt.Sprintf("%T", err), fmt.Sprintf("%v %+v %s %q", err, err, err, err))
		slogged := &bytes.Buffer{}
		slog.New(slog.NewTextHandler(slogged, nil)).Error("failed", "error", err)
		slog.New(slog.NewJSONHandler(slogged, nil)).Error("failed", "error", err)
		c.none(t, fmt.Sprintf("%T in a log", err), slogged.String())
		r.types[reflect.TypeOf(err).Elem().String()] = true
	}
	r.strings = map[string]string{}
	for _, m := range looks(t, c.text) {
		c.check(t, r, m, m.Result())
		c.none(t, "a diff", diffed(m))
	}
	for _, name := range exportedTypes(t) {
		require.True(t, r.types[name], "type %s was never looked at: add it to configs, doors or handmade", name)
	}
}

// looks are at the freshness of a link whose API servers and istiods put the text into all that they say.
func looks(t *testing.T, text string) (all []traffic.Measured) {
	for _, arrange := range []func(from *traffic.Side, west *peeringtest.Member){
		func(from *traffic.Side, _ *peeringtest.Member) {
			from.Replicas = func(context.Context) ([]istiod.Replica, error) { return nil, errors.New(text) }
		},
		func(from *traffic.Side, _ *peeringtest.Member) {
			from.Replicas = func(context.Context) ([]istiod.Replica, error) {
				return []istiod.Replica{{Name: text, Debug: func(context.Context, string) ([]byte, error) { return nil, errors.New(text) }}}, nil
			}
		},
		func(from *traffic.Side, _ *peeringtest.Member) {
			from.Replicas = func(context.Context) ([]istiod.Replica, error) {
				return []istiod.Replica{{Name: text, Debug: func(_ context.Context, path string) ([]byte, error) {
					if path != "/debug/clusterz" {
						return []byte("{}"), nil
					}
					return json.Marshal([]istiod.RemoteCluster{{ID: "west", Status: istiod.Status(text)}})
				}}}, nil
			}
		},
		func(_ *traffic.Side, west *peeringtest.Member) {
			west.Before = func(c peeringtest.Call) error { return errors.New(text) }
		},
		func(_ *traffic.Side, west *peeringtest.Member) {
			west.Before = func(c peeringtest.Call) error {
				if c.Verb == "delete" {
					return errors.New(text)
				}
				return nil
			}
		},
	} {
		_, _, west, link := pair()
		from, to := link.Sides()
		arrange(&from, west)
		m := traffic.Freshness{Within: time.Millisecond}.Measure(t.Context(), from, to)
		require.NotEqual(t, probe.Passed, m.Result().Status)
		all = append(all, m)
	}
	return all
}

// config is a cluster with credentials and all that is made of it.
type config struct {
	credentials
	values []any
}

func configs(t *testing.T) (all []config) {
	random := func() string { return "s" + strings.ToLower(rand.Text()) }
	for _, spoil := range []func(c *rest.Config) []string{
		func(c *rest.Config) []string { c.BearerToken = random(); return []string{c.BearerToken} },
		func(c *rest.Config) []string { c.Username, c.Password = "user", random(); return []string{c.Password} },
		func(c *rest.Config) []string {
			c.CertData, c.KeyData = keyPair(t)
			lines := strings.Split(strings.TrimSpace(string(c.KeyData)), "\n")
			return lines[1 : len(lines)-1]
		},
	} {
		kubeconfig := &rest.Config{Host: "https://198.51.100.7:6443", TLSClientConfig: rest.TLSClientConfig{Insecure: true}}
		hidden := spoil(kubeconfig)
		minted := random()
		token := secrets.NewToken(minted, time.Time{})
		options := peering.ConnectOptions{Endpoint: &secrets.Endpoint{Server: "https://198.51.100.7:6443"}}
		cluster, err := peering.Connect(peering.MustID("east"), kubeconfig, options)
		require.NoError(t, err)
		bearer, err := cluster.As(cluster.Endpoint, token)
		require.NoError(t, err)
		link := peering.Link{From: cluster, To: cluster, Endpoint: options.Endpoint}
		workload := traffic.Workload{}
		accounts := cluster.Accounts("istio-system")
		replica := istiod.Replica{Name: "istiod-1", Debug: func(context.Context, string) ([]byte, error) { return nil, nil }}
		all = append(all, config{credentials{hidden: append(hidden, minted)}, []any{
			*cluster, cluster,
			[]*peering.Cluster{cluster},
			options, &options, link, &link,
			[]peering.Link{link},
			bearer, accounts,
			secrets.Bound{Accounts: accounts},
			cluster.Exec("default", "sleep-1", "sleep"),
			probe.Curl{In: cluster.Exec("default", "sleep-1", "sleep")},
			cluster.Side(),
			traffic.Executor{Side: cluster.Side()},
			traffic.Scaler{Side: cluster.Side()},
			traffic.Freshness{},
			traffic.Freshness{}.Canary(link.Sides()),
			workload, workload.Who(link.Sides()), workload.Failover(link.Sides()), workload.Rungs(link.Sides()),
			peering.Peering{Tokens: func(*peering.Cluster) secrets.TokenSource { return secrets.Static(token) }, Account: &peering.Account{}, Workload: &workload},
			traffic.Locator("default", cluster.Side(), cluster.Side()), replica,
			istiod.RemoteCluster{},
			peering.HTMLOptions{},
			peering.Adoption(""),
			peering.AuditRecord{},
			peering.AuditToEvents(cluster),
		}})
	}
	return all
}

// keyPair is a certificate with its key, as PEM.
func keyPair(t *testing.T) (certificate, key []byte) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "caller"}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	require.NoError(t, err)
	raw, err := x509.MarshalPKCS8PrivateKey(private)
	require.NoError(t, err)
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw})
}

// handmade are the errors of the package with the text in every field that takes one.
func handmade(text string) []error {
	cause := errors.New(text)
	finding := preflight.Finding{ID: text, Evidence: text, Remedy: text}
	return []error{
		&peering.Error{Stage: peering.Stage(text), Err: cause, Hint: text},
		&peering.ForeignObjectError{Object: text, Owner: text},
		&peering.DuplicateClusterError{Secret: text, Owner: text},
		&peering.MissingRightsError{Account: text, Missing: []rbacv1.PolicyRule{{Verbs: []string{text}, Resources: []string{text}, APIGroups: []string{text}}}},
		&peering.WrongIdentityError{Want: text, Got: text, WantUID: text, GotUID: text},
		&peering.RefusedTokenError{Reason: text, Err: cause},
		&peering.EndpointError{Whose: text, Address: text, Proxy: text, Err: cause},
		&peering.SameClusterError{UID: text},
		&peering.NotSyncedError{Replica: text, Level: istiod.Status(text)},
		&peering.DriftError{Planned: text, Live: text, Moved: []string{text}},
		&peering.PreflightError{Findings: []preflight.Finding{finding}},
		&peering.HazardError{Version: text},
		&traffic.LevelError{Check: text, Summary: text, Remedy: text, Err: cause},
		&traffic.ElsewhereError{},
	}
}

// exportedTypes of packages peering and traffic by their source; interfaces and aliases hold nothing themselves.
func exportedTypes(t *testing.T) (names []string) {
	sources, err := filepath.Glob("*.go")
	require.NoError(t, err)
	more, err := filepath.Glob("traffic/*.go")
	require.NoError(t, err)
	for _, source := range append(sources, more...) {
		if strings.HasSuffix(source, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), source, nil, 0)
		require.NoError(t, err)
		ast.Inspect(file, func(n ast.Node) bool {
			spec, ok := n.(*ast.TypeSpec)
			if !ok || !spec.Name.IsExported() || spec.Assign.IsValid() {
				return true
			}
			if _, isInterface := spec.Type.(*ast.InterfaceType); !isInterface {
				names = append(names, file.Name.Name+"."+spec.Name.Name)
			}
			return true
		})
	}
	require.Greater(t, len(names), 30)
	return names
}

// TestNoTokenLeaves runs every verb, with and without failures, and looks for the tokens in all that comes out.
func TestNoTokenLeaves(t *testing.T) {
	for name, fault := range map[string]func(east, west *peeringtest.Member){
		"all well": func(_, _ *peeringtest.Member) {},
		"share fails": func(east, _ *peeringtest.Member) {
			east.Before = func(c peeringtest.Call) error {
				if c.Verb == "create" || c.Verb == "update" {
					return errors.New("connection refused")
				}
				return nil
			}
		},
		"istiod refuses": func(east, _ *peeringtest.Member) { east.Istiods.Stick("istiod-1", istiod.NotSeen) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				mesh, east, west, _ := pair()
				var out bytes.Buffer
				show := func(values ...any) {
					for _, v := range values {
						fmt.Fprintf(&out, "%v %+v %#v\n", v, v, v)
						data, err := json.Marshal(v)
						require.NoError(t, err)
						out.Write(data)
					}
				}
				tokens := map[string]bool{}
				p := &peering.Peering{Observe: func(e peering.Event) { show(e) }, Audit: peering.AuditTo(&out)}
				links := peering.Mesh(mesh.Clusters()...)
				collect := func() {
					for _, m := range []*peeringtest.Member{east, west} {
						found, err := m.List(t.Context(), secret(""), "")
						require.NoError(t, err)
						for _, o := range found {
							if token := string(o.(*corev1.Secret).Data["token"]); token != "" {
								tokens[token] = true
							}
						}
					}
				}
				verbs := []func() (*peering.Report, error){
					func() (*peering.Report, error) { return p.Ensure(t.Context(), links...) },
					func() (*peering.Report, error) { fault(east, west); return p.Ensure(t.Context(), links...) },
					func() (*peering.Report, error) { return p.Verify(t.Context(), links...) },
					func() (*peering.Report, error) {
						return (&peering.Peering{Credential: secrets.KindBound}).Ensure(t.Context(), links...)
					},
					func() (*peering.Report, error) { return p.Rotate(t.Context(), links...) },
					func() (*peering.Report, error) { return p.Remove(t.Context(), links...) },
				}
				for _, verb := range verbs {
					for _, goal := range []peering.Goal{peering.Present, peering.Rotated, peering.Absent} {
						plan, err := p.Plan(t.Context(), goal, links...)
						require.NoError(t, err)
						show(plan)
						require.NoError(t, plan.WriteText(&out))
					}
					grants, err := peering.Credentials(t.Context(), mesh.Clusters()...)
					require.NoError(t, err)
					show(grants)
					report, err := verb()
					collect()
					show(report)
					if err != nil {
						fmt.Fprintf(&out, "%v %+v %#v\n", err, err, err)
					}
					require.NoError(t, report.WriteText(&out))
				}
				require.NotEmpty(t, tokens)
				for token := range tokens {
					require.NotContains(t, out.String(), token, "a token left")
				}
			})
		})
	}
}

// TestNoProxyPasswordLeaves prints what can carry one.
func TestNoProxyPasswordLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, _, west, link := pair()
		password := rand.Text()
		endpoint := west.Endpoint
		endpoint.ProxyURL = "http://user:" + password + "@proxy.example.invalid:3128"
		link.Endpoint = &endpoint
		cluster := *west.Cluster
		cluster.Endpoint = endpoint
		report, err := (&peering.Peering{SyncTimeout: time.Second}).Ensure(t.Context(), link)
		var out bytes.Buffer
		for _, v := range []any{link, &link, cluster, &cluster, endpoint, report, err} {
			fmt.Fprintf(&out, "%v %+v %#v %s %q %d %x\n", v, v, v, v, v, v, v)
		}
		require.NotContains(t, out.String(), password)
		require.NotContains(t, out.String(), hex.EncodeToString([]byte(password)))
	})
}
