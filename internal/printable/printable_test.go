package printable_test

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/meshpeer/meshpeer/internal/printable"
)

func TestLine(t *testing.T) {
	for in, want := range map[string]string{
		"":                                             "",
		" plain — naïve 日本 \n":                         "plain — naïve 日本",
		"a\nmutual-tls\tpassed\x1b[2J":                 `a\nmutual-tls\tpassed\x1b[2J`,
		"a\u202eb\u2028c\u00a0d\ufeff\xff":             `a\u202eb\u2028c\u00a0d\ufeff\xff`,
		`C:\new`:                                       `C:\new`,
		"see http://u:p@ss@proxy:1/a":                  "see http://REDACTED@proxy:1/a",
		"//u:p@proxy":                                  "//REDACTED@proxy",
		"http://a\n//u:p@proxy":                        "http://REDACTED@proxy",
		"Authorization: Bearer abc.def-ghi_jkl":        "Authorization: Bearer REDACTED",
		"a: bEaReR abc.def-ghi, BASIC dXNlcjpwYXNz":    "a: bEaReR REDACTED, BASIC REDACTED",
		"x eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.c2ln y": "x REDACTED y",
		"-----BEGIN EC PRIVATE KEY-----\nabc\n":        "REDACTED",
		strings.Repeat("x", printable.Limit):           strings.Repeat("x", printable.Limit),
	} {
		require.Equal(t, want, printable.Line(in), "%q", in)
	}
}

func TestLineShortens(t *testing.T) {
	for _, one := range []string{"x", "é", "日", "\x1b", "\xff", " x", "\U0001f600"} {
		for _, n := range []int{printable.Limit - 1, printable.Limit, printable.Limit + 1, 4 * printable.Limit, 1 << 20} {
			checkLine(t, strings.Repeat(one, n))
		}
	}
	require.Equal(t, strings.Repeat("x", printable.Limit-len("… (1048576 bytes)"))+"… (1048576 bytes)", printable.Line(strings.Repeat("x", 1<<20)))
}

func checkLine(t *testing.T, in string) {
	t.Helper()
	line := printable.Line(in)
	require.LessOrEqual(t, len(line), printable.Limit)
	require.True(t, utf8.ValidString(line))
	for _, r := range line {
		require.True(t, strconv.IsPrint(r), "%q", r)
	}
	require.Equal(t, line, printable.Line(line), "passes twice")
}

func TestWithin(t *testing.T) {
	for _, limit := range []int{64, printable.Limit, 4 * printable.Limit} {
		for _, one := range []string{"x", "日", "\x1b", "\xff", "a b "} {
			line := printable.Within(strings.Repeat(one, 1<<14), limit)
			require.LessOrEqual(t, len(line), limit)
			require.Greater(t, len(line), limit-16)
			require.Equal(t, line, printable.Within(line, limit), "passes twice")
		}
	}
}

func FuzzLine(f *testing.F) {
	f.Add("a\nb\u202e\xff" + strings.Repeat("é", 300))
	f.Fuzz(func(t *testing.T, in string) { checkLine(t, in) })
}

func TestError(t *testing.T) {
	require.NoError(t, printable.Error(nil))
	err := printable.Error(fmt.Errorf("reading\n\x1b[2J: %w", io.ErrUnexpectedEOF))
	require.Equal(t, `reading\n\x1b[2J: unexpected EOF`, err.Error())
	require.True(t, errors.Is(err, io.ErrUnexpectedEOF))
}

func TestName(t *testing.T) {
	for _, in := range []string{"httpbin-7d9f-x", "a", "a.b-c", "", "A", "a b", "a\n", "-a", "a-", "a..b", "a_b", strings.Repeat("a", 253), strings.Repeat("a", 254)} {
		require.Equal(t, len(validation.IsDNS1123Subdomain(in)) == 0, printable.Name(in), "%q", in)
	}
}

func FuzzName(f *testing.F) {
	f.Add("a.b-c")
	f.Fuzz(func(t *testing.T, in string) {
		require.Equal(t, len(validation.IsDNS1123Subdomain(in)) == 0, printable.Name(in))
	})
}

func TestValueHidesCredentials(t *testing.T) {
	tried, missed := 0, 0
	for range 200 {
		raw := make([]byte, 24)
		_, _ = rand.Read(raw)
		for _, secret := range []string{
			hex.EncodeToString(raw), strings.ToUpper(hex.EncodeToString(raw)), base64.StdEncoding.EncodeToString(raw),
			base64.RawURLEncoding.EncodeToString(raw), "hvs." + base64.RawURLEncoding.EncodeToString(raw), rand.Text(),
			"eyJhbGciOiJSUzI1NiJ9." + base64.RawURLEncoding.EncodeToString(raw) + "." + base64.RawURLEncoding.EncodeToString(raw),
		} {
			for _, in := range []string{secret, " " + secret + "\n", "cluster_" + secret, "https://" + secret, "a:" + secret, "Bearer " + secret} {
				shown := printable.Value(in)
				tried++
				if strings.Contains(shown, secret) {
					missed++ // one without digits is not to be told from a name in camel case
				}
				require.Equal(t, shown, printable.Value(shown), "passes twice")
			}
		}
	}
	require.Less(t, 100*missed, tried, "%d of %d", missed, tried)
}

func TestValueShowsWhatPeopleWrite(t *testing.T) {
	for _, in := range []string{
		"gke_my-project-12_europe-west1-b_cluster-12a", "arn:aws:eks:us-west-2:123456789012:cluster/prod-1", "https://api_east.example:6443",
		"istio-reader-service-account-token-12", "550e8400-e29b-41d4-a716-446655440000", "https://ec2-12-34-56-78.us-west-2.compute.amazonaws.com",
		"app.kubernetes.io/managed-by", "1.28.3-gd3ac4cbd-aliyun", "kubernetes-admin@cluster.local", "MyVeryLongClusterNameInCamelCase",
	} {
		require.Equal(t, in, printable.Value(in))
	}
}

// The cheap look at a dot comes before the expression of a bootstrap token, and must not hide one from it.
func TestBootstrapTokens(t *testing.T) {
	const token = "abcdef.0123456789abcdef"
	for in, want := range map[string]string{
		token:                         "REDACTED",
		"a.b.c " + token + ".":        "a.b.c REDACTED.",
		"abcdef.x " + token:           "abcdef.x REDACTED",
		"v1.2.3-" + token + " 1.31.0": "v1.2.3-REDACTED 1.31.0",
		token + "0":                   token + "0",
		"x" + token:                   "x" + token,
		"ABCDEF.0123456789ABCDEF":     "ABCDEF.0123456789ABCDEF",
		"é" + token + "é":             "éREDACTEDé",
		"abcdef.0123456789abcde":      "abcdef.0123456789abcde",
		"istio-system.svc.cluster":    "istio-system.svc.cluster",
	} {
		require.Equal(t, want, printable.Line(in), "%q", in)
	}
}
