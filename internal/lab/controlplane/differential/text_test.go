package differential_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"
)

// texts are kubeconfigs that no writer makes; TOKEN stands for the token, GOOD for the good file.
var texts = []string{
	"", " ", "\n", "---\n", "{}", "null", "~", "[]", "a", "1", "true", `""`, "\x00", "\xff\xfe", "\ufeffGOOD", "%", "TOKEN", "- TOKEN", "TOKEN: {",
	"kind: Config", "apiVersion: v1", "apiVersion: v1\nkind: Config", "apiVersion: v2\nkind: Config", "apiVersion: v1\nkind: TOKEN",
	"apiVersion: TOKEN\nkind: Config", "apiVersion: v1\nkind: Secret\ndata: {token: TOKEN}", "apiVersion: v1\nkind: List\nitems: []",
	"apiVersion: v1\nkind: Status", "kind: Config\napiVersion: __internal", "apiVersion: v1\nkind: Config\nusers: TOKEN", "users: [TOKEN]",
	"users: [{}]", "users: [null]", "users: {}", "users: null", "clusters: [null]", "contexts: [null]", "contexts: [{name: a, context: null}]\ncurrent-context: a",
	"users: [{name: a, user: {token: TOKEN}}, {name: a, user: {token: TOKEN}}]",
	"users: [{name: a, user: {token: {TOKEN: 1}}}]", "users: [{name: a, user: {token: [TOKEN]}}]", "users: [{name: a, user: {token: 1}}]",
	"clusters: [{name: a, cluster: {certificate-authority-data: '%TOKEN%'}}]", "clusters: [{name: a, cluster: {insecure-skip-tls-verify: TOKEN}}]",
	"clusters: [{name: a}, {name: a}]", "contexts: [{name: a}, {name: a}]", "clusters: [{name: a, cluster: {server: TOKEN}}, {name: a}]",
	"GOOD", "GOOD\n---\nGOOD", "GOOD\n...\n", "---\nGOOD", "# TOKEN\nGOOD", "GOOD\nTOKEN", "GOOD\nTOKEN: 1", "GOOD\nusers: []", "GOOD\nusers: [{name: east}]",
	"GOOD\nusers: [{name: east, user: {token: TOKEN}}]", "GOOD\ncurrent-context: west", "GOOD\n\tTOKEN", "GOOD\n- a", "GOOD\n&a *a", "GOOD\n<<: {current-context: a}",
	"GOOD\npreferences: {colors: maybe}", "GOOD\nextensions: [{name: a, extension: 1}]", "GOOD\nextensions: [{name: a, extension: {kind: b}}]",
	"GOOD\nKIND: Config", "GOOD\nCurrent-Context: west",
}

func TestParseAgreesWithIstiodOnText(t *testing.T) {
	c := newCredentials(t)
	good := string(encode(t, c.good()))
	asJSON, err := yaml.YAMLToJSON([]byte(good))
	require.NoError(t, err)
	replace := strings.NewReplacer("GOOD", good, "TOKEN", c.token)
	all := append([]string{string(asJSON), string(asJSON) + "}", strings.ReplaceAll(good, "\n", "\r\n"), strings.ReplaceAll(good, ": ", ":"), strings.ReplaceAll(good, "  ", "\t")}, texts...)
	accepted := 0
	for _, text := range all {
		if agree(t, c, text, []byte(replace.Replace(text))) {
			accepted++
		}
	}
	t.Logf("%d of %d accepted", accepted, len(all))
	require.Greater(t, accepted, 5)
}

// Cut, doubled, flipped and moved parts of a good file.
func TestParseAgreesWithIstiodOnDamage(t *testing.T) {
	c := newCredentials(t)
	config := c.good()
	config.AuthInfos["other"] = &authInfo{Token: "x" + c.token, Username: "", Impersonate: "admin"}
	config.Clusters["east"].ProxyURL = "http://user:x@proxy:3128"
	config.Clusters["east"].CertificateAuthorityData = nil // its length varies
	good := encode(t, config)
	snippets := []string{"\n", " ", "  ", ":", "-", "\t", "\"", "'", "{", "}", "[", "]", "&a ", "*a", "!!str ", "null", "0x1", "name: east\n", "  token: ", "#", "|", ">", "%", "exec: {}\n", "\x00", "é"}
	accepted := 0
	const cases = 3_000
	for seed := range uint64(cases) {
		g := newGenerator(seed)
		damaged := bytes.Clone(good)
		for range 1 + g.IntN(3) {
			if len(damaged) < 2 {
				break
			}
			from := g.IntN(len(damaged))
			to := min(len(damaged), from+1+g.IntN(40))
			switch g.IntN(5) {
			case 0:
				damaged = append(damaged[:from:from], damaged[to:]...)
			case 1:
				damaged = append(damaged[:to:to], damaged[from:]...)
			case 2:
				damaged[from] ^= 1 << g.IntN(8)
			case 3:
				damaged = append(append(damaged[:from:from], g.one(snippets)...), damaged[from:]...)
			case 4:
				lines := bytes.SplitAfter(damaged, []byte("\n"))
				a, b := g.IntN(len(lines)), g.IntN(len(lines))
				lines[a], lines[b] = lines[b], lines[a]
				damaged = bytes.Join(lines, nil)
			}
		}
		if agree(t, c, c.hide(string(damaged)), damaged) {
			accepted++
		}
	}
	t.Logf("%d of %d accepted", accepted, cases)
	require.Greater(t, accepted, cases/20)
	require.Less(t, accepted, cases*9/10)
}
