package secrets

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"regexp"
	"slices"
	"time"
)

// plain is a text that YAML takes for a string without quotes, whatever its version: its words such as true and null are shorter.
var plain = regexp.MustCompile(`^[a-z]([a-zA-Z0-9]{5,}|[a-zA-Z0-9]*[-./:_][-./:_a-zA-Z0-9]*)[-_a-zA-Z0-9]$`)

// plainKubeconfig is what clientcmd.Write gives for a Remote of which every text is plain, as nearly every one is; else nil. It
// saves the conversion from JSON to YAML, which took most of the memory of a mesh of many clusters.
func plainKubeconfig(r Remote) []byte {
	e, token := r.Endpoint, r.Token.Reveal()
	for _, text := range []string{r.Cluster, e.Server, token} {
		if !plain.MatchString(text) {
			return nil
		}
	}
	if e.TLSServerName != "" || e.proxyText() != "" || e.InsecureSkipTLSVerify || len(e.CA) == 0 {
		return nil
	}
	b := make([]byte, 0, len(e.CA)*4/3+len(token)+len(e.Server)+6*len(r.Cluster)+320)
	b = append(b, "apiVersion: v1\nclusters:\n- cluster:\n    certificate-authority-data: "...)
	b = base64.StdEncoding.AppendEncode(b, e.CA)
	b = fmt.Appendf(b, "\n    server: %s\n  name: %s\n", e.Server, r.Cluster)
	b = fmt.Appendf(b, "contexts:\n- context:\n    cluster: %s\n    user: %s\n  name: %s\ncurrent-context: %s\nkind: Config\n",
		r.Cluster, r.Cluster, r.Cluster, r.Cluster)
	return fmt.Appendf(b, "users:\n- name: %s\n  user:\n    token: %s\n", r.Cluster, token)
}

// readPlain reads what Build wrote as a plainKubeconfig: nothing else has the same bytes. As Build refuses what istiod would,
// istiod takes it, and nothing is left to be judged but what Build does not: that needs the other way, and so does all text that
// is not ours to the last byte.
func (in *inspection) readPlain(kubeconfig []byte) bool {
	value := func(key string) []byte {
		_, after, _ := bytes.Cut(kubeconfig, []byte("\n    "+key+": "))
		line, _, _ := bytes.Cut(after, []byte("\n"))
		return line
	}
	ca, err := base64.StdEncoding.AppendDecode(nil, value("certificate-authority-data"))
	if err != nil {
		return false
	}
	token := NewToken(string(value("token")), time.Time{})
	claims, _ := token.Claims()
	token.expires = claims.Expires
	r := Remote{Cluster: in.remote.Cluster, Endpoint: Endpoint{Server: string(value("server")), CA: ca}, Token: token}
	if !bytes.Equal(plainKubeconfig(r), kubeconfig) || checkRemote(r) != nil || len(r.Endpoint.Warnings()) > 0 || slices.Equal(claims.Audiences, onlyIstio) {
		return false
	}
	in.remote = r
	return true
}
