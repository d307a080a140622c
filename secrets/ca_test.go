package secrets_test

import (
	"bytes"
	"crypto/x509"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/meshpeer/meshpeer/secrets"
)

// bundle is two certificates, made at run time.
func bundle(t testing.TB) (first, second string) {
	return string(newAuthority(t, "first").pem), string(newAuthority(t, "second").pem)
}

func TestCABundles(t *testing.T) {
	a, b := bundle(t)
	crlf := func(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") }
	cut := func(s string, n int) string { return s[:len(s)-n] }
	for _, c := range []struct{ name, bundle, want string }{
		{"one", a, ""},
		{"two", a + b, ""},
		{"twice the same", a + a, ""},
		{"without the last line end", a + cut(b, 1), ""},
		{"blank lines", "\n \n" + a + "\n\t\n" + b + "\n\n", ""},
		{"comments", "# first\n" + a + "# Issuer: CN=second, O=x\n  # more\n" + b + "#\n", ""},
		{"CRLF", crlf("# first\n" + a + "\n" + b), ""},
		{"empty lines alone", "\n\n", "holds no PEM certificate"},
		{"text alone", "caData", "holds no PEM certificate"},
		{"second cut short", a + cut(b, 40), "certificate 2 is cut short"},
		{"second without its end", a + b[:strings.Index(b, "-----END")], "certificate 2 is cut short"},
		{"second without its beginning", a + b[strings.Index(b, "\n")+1:], "neither a PEM certificate nor a comment"},
		{"first cut short, second whole", cut(a, 60) + "\n" + b, "certificate 1 is cut short"},
		{"first without its end, second whole", a[:strings.Index(a, "-----END")] + b, "certificate 1 is cut short"},
		{"a line lost", a + strings.Join(append(strings.SplitAfter(b, "\n")[:3:3], strings.SplitAfter(b, "\n")[4:]...), ""), "certificate 2 cannot be parsed"},
		{"not base64", a + strings.Replace(b, "MII", "!!!", 1), "certificate 2 is cut short or is not base64"},
		{"indented", a + "  " + strings.ReplaceAll(b, "\n", "\n  "), "certificate 2 cannot be read"},
		{"first line indented", a + " " + b, "certificate 2 cannot be read"},
		{"a dash short", a + b[1:], "certificate 2 cannot be read"},
		{"a dash short at the end of the line", a + strings.Replace(b, "CERTIFICATE-----\n", "CERTIFICATE----\n", 1), "PEM block that is not a plain certificate"},
		{"a dash short at the end", a + strings.Replace(b, "-----END", "----END", 1), "certificate 2 is cut short"},
		{"other dashes", a + strings.ReplaceAll(b, "-----", "–––––"), "certificate 2 cannot be read"},
		{"on the same line", cut(a, 1) + b, "certificate 1 is cut short"},
		{"old line ends", strings.ReplaceAll(a+b, "\n", "\r"), "certificate 1"},
		{"byte order mark", "\ufeff" + a + b, "begins with a byte order mark"},
		{"UTF-16", "\xff\xfe" + a, "certificate 1"},
		{"headers", strings.Replace(a, "-----\n", "-----\nProc-Type: 4,ENCRYPTED\n\n", 1), "has headers"},
		{"other kind", a + string(pemBlock("TRUSTED CERTIFICATE")), "not a plain certificate"},
		{"old kind", a + strings.ReplaceAll(b, "CERTIFICATE", "X509 CERTIFICATE"), "not a plain certificate"},
		{"lower case", a + strings.ToLower(b), "neither a PEM certificate nor a comment"},
		{"quoted", `"` + a + `"`, "certificate 1"},
		{"escaped", strings.ReplaceAll(a, "\n", `\n`), "certificate 1"},
		{"text between", a + "password: " + random() + "\n" + b, "neither a PEM certificate nor a comment"},
		{"text before", random() + "\n" + a, "neither a PEM certificate nor a comment"},
		{"text behind", a + random(), "neither a PEM certificate nor a comment"},
		{"names as curl writes them", "second\n======\n" + a, "neither a PEM certificate nor a comment"},
		{"commented out", a + "# " + strings.ReplaceAll(strings.TrimSpace(b), "\n", "\n# ") + "\n", "certificate 2 cannot be read"},
		{"NUL", a + "\x00\n" + b, "neither a PEM certificate nor a comment"},
		{"key", a + string(pemBlock("EC PRIVATE KEY")), "holds a private key"},
		{"key as a comment", a + "# -----BEGIN PRIVATE KEY-----\n", "holds a private key"},
		{"only an end", a + "-----END CERTIFICATE-----\n", "certificate 2"},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := secrets.Endpoint{Server: "https://10.0.0.1", CA: []byte(c.bundle)}
			err := e.Validate()
			kubeconfig := config(t)
			kubeconfig.Clusters["east"].CertificateAuthorityData = e.CA
			secret := remoteSecret(map[string][]byte{"east": encode(t, kubeconfig)})
			if c.want == "" {
				require.NoError(t, err)
				require.Empty(t, secrets.Lint(secret))
				return
			}
			require.ErrorContains(t, err, c.want)
			problems := secrets.Lint(secret)
			require.NotEmpty(t, problems)
			require.Equal(t, "clusters[east].certificate-authority-data", problems[0].Field)
		})
	}
}

// TestCALosesNoAuthority damages bundles: whatever is taken, client-go loads as many authorities of it as it begins.
func TestCALosesNoAuthority(t *testing.T) {
	a, b := bundle(t)
	good := "# first\n" + a + "\n# second\n" + b
	taken := 0
	snippets := []string{"\n", " ", "-", "\r", "\t", "#", "-----BEGIN CERTIFICATE-----\n", "-----END CERTIFICATE-----\n", "=", "A", "\ufeff", "\x00", "a: b\n", "# c\n"}
	for seed := range uint64(2_000) {
		g := rand.New(rand.NewPCG(seed, 1))
		damaged := []byte(good)
		for range 1 + g.IntN(2) {
			from := g.IntN(len(damaged))
			to := min(len(damaged), from+1+g.IntN(80))
			switch g.IntN(4) {
			case 0:
				damaged = append(damaged[:from:from], damaged[to:]...)
			case 1:
				damaged = append(damaged[:to:to], damaged[from:]...)
			case 2:
				damaged[from] ^= 1 << g.IntN(8)
			case 3:
				damaged = append(append(damaged[:from:from], snippets[g.IntN(len(snippets))]...), damaged[from:]...)
			}
		}
		if (secrets.Endpoint{Server: "https://10.0.0.1", CA: damaged}).Validate() != nil {
			continue
		}
		taken++
		pool := x509.NewCertPool()
		require.True(t, pool.AppendCertsFromPEM(damaged))
		distinct := x509.NewCertPool()
		for _, block := range bytes.SplitAfter(damaged, []byte("-----END CERTIFICATE-----")) {
			if i := bytes.Index(block, []byte("-----BEGIN")); i >= 0 {
				require.True(t, distinct.AppendCertsFromPEM(block[i:]), "seed %d", seed)
			}
		}
		require.True(t, pool.Equal(distinct), "seed %d: an authority is lost", seed)
		require.Equal(t, bytes.Count(damaged, []byte("BEGIN")), bytes.Count(damaged, []byte("-----END CERTIFICATE-----")), "seed %d", seed)
	}
	t.Logf("%d taken", taken)
	require.Greater(t, taken, 30)
}
