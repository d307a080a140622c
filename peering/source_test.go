package peering_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/peering/peeringtest"
	"github.com/meshpeer/meshpeer/probe"
	"github.com/meshpeer/meshpeer/secrets"
)

// jwt has the form of a token and the claims; nobody signed it.
func jwt(claims map[string]any) string {
	payload, err := json.Marshal(claims)
	if err != nil {
		panic(err)
	}
	encode := base64.RawURLEncoding.EncodeToString
	return encode([]byte(`{"alg":"RS256"}`)) + "." + encode(payload) + "." + encode([]byte("none"))
}

func reader(claims map[string]any) map[string]any {
	all := map[string]any{"sub": "system:serviceaccount:istio-system:meshpeer-reader-east", "iss": "https://west", "aud": []string{"https://west"}}
	for k, v := range claims {
		all[k] = v
	}
	return all
}

// TestTokenThatCannotBecomeRight: the API server refuses it, the claims tell why, nothing is waited for and nothing is left.
func TestTokenThatCannotBecomeRight(t *testing.T) {
	now := func(d time.Duration) int64 { return time.Now().Add(d).Unix() }
	for want, make := range map[string]func() string{
		"is not a JSON web token":            func() string { return "opaque-" + secrets.SecretName("x") },
		"it expired at 1999-12-31T23:00:00Z": func() string { return jwt(reader(map[string]any{"exp": now(-time.Hour)})) },
		"it speaks for system:serviceaccount:default:other": func() string {
			return jwt(reader(map[string]any{"sub": "system:serviceaccount:default:other", "iat": now(0)}))
		},
		"for an account of this name in another cluster": func() string {
			return jwt(reader(map[string]any{"kubernetes.io": map[string]any{"serviceaccount": map[string]any{"uid": "elsewhere"}}}))
		},
		"its audience is [vault]": func() string { return jwt(reader(map[string]any{"aud": "vault"})) },
		"Secret istio-system/gone, which it needs": func() string {
			return jwt(reader(map[string]any{"kubernetes.io": map[string]any{"namespace": "istio-system", "secret": map[string]any{"name": "gone"}}}))
		},
		"another cluster issued it": func() string { return jwt(reader(map[string]any{"iat": now(-time.Hour)})) },
		"gave an empty token":       func() string { return "" },
	} {
		for kind, source := range map[string]func(secrets.Token) secrets.TokenSource{
			"Static": secrets.Static,
			"func": func(token secrets.Token) secrets.TokenSource {
				return secrets.TokenSourceFunc(func(context.Context, secrets.Request) (secrets.Token, error) { return token, nil })
			},
			"First": func(token secrets.Token) secrets.TokenSource { return secrets.First(secrets.Static(token)) },
		} {
			t.Run(want+" "+kind, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					_, east, west, link := pair()
					before, start := contents(t, west), time.Now()
					value := make()
					if value == "" && kind != "func" {
						return // these two say so themselves
					}
					p := &peering.Peering{Tokens: func(*peering.Cluster) secrets.TokenSource { return source(secrets.NewToken(value, time.Time{})) }}
					report, err := p.Ensure(t.Context(), link)
					var refused *peering.RefusedTokenError
					require.ErrorAs(t, err, &refused)
					require.ErrorContains(t, err, want)
					require.Contains(t, report.Links[0].Error.Hint, "Peering.Tokens")
					require.Equal(t, value != "", apierrors.IsUnauthorized(err), "the API server decided")
					require.Equal(t, start, time.Now(), "at once")
					require.Empty(t, report.Links[0].Left)
					require.Len(t, report.Links[0].Undone, 3, "account, role and binding, and no token")
					require.Equal(t, before, contents(t, west))
					require.Empty(t, contents(t, east))
					if value != "" {
						require.NotContains(t, err.Error(), value)
					}
				})
			})
		}
	}
}

// TestNewTokenIsWaitedFor: an API server that lags behind takes it a moment later, whoever minted it.
func TestNewTokenIsWaitedFor(t *testing.T) {
	for name, set := range map[string]func(p *peering.Peering, west *peeringtest.Member){
		"durable": func(*peering.Peering, *peeringtest.Member) {},
		"bound":   func(p *peering.Peering, _ *peeringtest.Member) { p.Credential = secrets.KindBound },
		"First of the caller's": func(p *peering.Peering, west *peeringtest.Member) {
			p.Tokens = func(*peering.Cluster) secrets.TokenSource {
				return secrets.TokenSourceFunc(func(ctx context.Context, r secrets.Request) (secrets.Token, error) {
					return secrets.First(durableIn(west, r)).Token(ctx, r)
				})
			}
		},
		"minted by hand": func(p *peering.Peering, west *peeringtest.Member) {
			p.Tokens = func(*peering.Cluster) secrets.TokenSource {
				return secrets.TokenSourceFunc(func(ctx context.Context, r secrets.Request) (secrets.Token, error) {
					r.Name, r.Annotations = "by-hand", nil
					return durableIn(west, r).Token(ctx, r)
				})
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				_, _, west, link := pair()
				p := new(peering.Peering)
				set(p, west)
				var known time.Time
				west.Before = func(c peeringtest.Call) error {
					if c.Kind != "SelfSubjectReview" {
						return nil
					}
					if known.IsZero() {
						known = time.Now().Add(3 * time.Second)
					}
					if time.Now().Before(known) {
						return apierrors.NewUnauthorized("not yet")
					}
					return nil
				}
				report, err := p.Ensure(t.Context(), link)
				require.NoError(t, err)
				require.NotEqual(t, probe.Failed, report.Status())
			})
		})
	}
}

// TestUndoOfATokenThatNobodyRevokes: accepted, but the share failed. What was left is said once, and as what it is.
func TestUndoOfATokenThatNobodyRevokes(t *testing.T) {
	for name, tt := range map[string]struct {
		request   func(r *secrets.Request)
		wantToken bool // it stays, and so a warning says
	}{
		"made with the request": {func(*secrets.Request) {}, false},
		"made in its own name":  {func(r *secrets.Request) { r.Name = "by-hand" }, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				_, east, west, link := pair()
				p := &peering.Peering{Tokens: func(*peering.Cluster) secrets.TokenSource {
					return secrets.TokenSourceFunc(func(ctx context.Context, r secrets.Request) (secrets.Token, error) {
						tt.request(&r)
						defer func() { west.NoTokenController = true }() // it would delete the Secret with the account
						return durableIn(west, r).Token(ctx, r)
					})
				}}
				east.Before = on("create", "Secret", errors.New("no"))
				report, err := p.Ensure(t.Context(), link)
				require.Error(t, err)
				require.Empty(t, report.Links[0].Left)
				_, err = west.Get(t.Context(), secret("by-hand"))
				require.Equal(t, tt.wantToken, err == nil)
				_, err = west.Get(t.Context(), secret("meshpeer-reader-east-1"))
				require.True(t, apierrors.IsNotFound(err))
				require.Equal(t, tt.wantToken, len(report.Links[0].Warnings) == 1, "%v", report.Links[0].Warnings)
				if tt.wantToken {
					require.Contains(t, report.Links[0].Warnings[0], "stays valid")
				}
			})
		})
	}
}

func TestSourceThatFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, _, _, link := pair()
		p := &peering.Peering{Tokens: func(*peering.Cluster) secrets.TokenSource { return nil }}
		_, err := p.Ensure(t.Context(), link)
		require.ErrorContains(t, err, "Peering.Tokens returned nil")

		dial := &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused")}
		p.Tokens = func(*peering.Cluster) secrets.TokenSource {
			return secrets.TokenSourceFunc(func(context.Context, secrets.Request) (secrets.Token, error) { return secrets.Token{}, dial })
		}
		_, err = p.Ensure(t.Context(), link)
		require.ErrorContains(t, err, "Peering.Tokens: dial tcp: connection refused")
		require.ErrorIs(t, err, dial)
		require.NotContains(t, err.Error(), "API server of", "the vault is no API server")
	})
}

// TestForeignSecretNamesAdopt where Adopt would take it, and nowhere else.
func TestForeignSecretNamesAdopt(t *testing.T) {
	one := func(name string, keys ...string) []peering.Object {
		return []peering.Object{foreignSecret(name, keys...)}
	}
	for name, tt := range map[string]struct {
		inEast, inWest []peering.Object
		adopt          bool
	}{
		"istioctl's":                   {inEast: one("istio-remote-secret-west", "west"), adopt: true},
		"of another name":              {inEast: one("made-by-hand", "west"), adopt: true},
		"of several clusters":          {inEast: one("made-by-hand", "west", "north")},
		"the name for another cluster": {inEast: one("istio-remote-secret-west", "north")},
		"the name for none":            {inEast: one("istio-remote-secret-west")},
		"two":                          {inEast: append(one("istio-remote-secret-west", "west"), one("made-by-hand", "west")...)},
		"account":                      {inWest: []peering.Object{serviceAccount("meshpeer-reader-east")}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				_, east, west, link := pair()
				for _, o := range tt.inEast {
					must(t, east, o)
				}
				for _, o := range tt.inWest {
					must(t, west, o)
				}
				p := new(peering.Peering)
				for _, verb := range []func(context.Context, ...peering.Link) (*peering.Report, error){p.Verify, p.Ensure, p.Rotate} {
					report, err := verb(t.Context(), link)
					require.Error(t, err)
					hint := report.Links[0].Error.Hint
					require.NotEmpty(t, hint)
					require.Equal(t, tt.adopt, len(hint) > 17 && hint[:17] == "set Peering.Adopt", hint)
					require.NotContains(t, hint[min(17, len(hint)):], "Peering.Adopt", hint)
				}
				before := writes(east) + writes(west)
				p.Adopt = peering.AdoptKeep
				report, err := p.Ensure(t.Context(), link)
				require.Equal(t, tt.adopt, err == nil, "%v", err)
				if !tt.adopt {
					require.Equal(t, before, writes(east)+writes(west), "%v", report.Links[0])
				}
			})
		})
	}
}

// TestEndpointWithoutCA: what decides then is said, when it is written and when it is looked at.
func TestEndpointWithoutCA(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, east, west, link := pair()
		const roots = "system roots of the istiod image"
		withCA := west.Cluster.Endpoint
		for _, insecure := range []bool{false, true} {
			west.Cluster.Endpoint.CA, west.Cluster.Endpoint.InsecureSkipTLSVerify = nil, insecure
			p := new(peering.Peering)
			for name, verb := range map[string]func(context.Context, ...peering.Link) (*peering.Report, error){"Ensure": p.Ensure, "Rotate": p.Rotate} {
				report, err := verb(t.Context(), link)
				require.NoError(t, err)
				require.Equal(t, !insecure, strings.Contains(strings.Join(report.Links[0].Warnings, "\n"), roots), "%s %v", name, report.Links[0].Warnings)
			}
			report, err := p.Verify(t.Context(), link)
			require.NoError(t, err)
			require.Equal(t, !insecure, strings.Contains(strings.Join(report.Links[0].Warnings, "\n"), roots), "%v", report.Links[0].Warnings)
			plan, err := p.Plan(t.Context(), peering.Rotated, link)
			require.NoError(t, err)
			require.Equal(t, !insecure, strings.Contains(strings.Join(plan.Links[0].Warnings, "\n"), roots))
		}
		west.Cluster.Endpoint = withCA
		_, err := new(peering.Peering).Ensure(t.Context(), link)
		require.NoError(t, err)
		report, err := new(peering.Peering).Verify(t.Context(), link)
		require.NoError(t, err)
		require.Empty(t, report.Links[0].Warnings)
		o, err := east.Get(t.Context(), secret("istio-remote-secret-west"))
		require.NoError(t, err)
		require.NotEmpty(t, o.(*corev1.Secret).Data)
	})
}
