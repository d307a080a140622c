package asmtest

import (
	"crypto/rand"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"

	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"
)

// Kubeconfig is the text of one for a server, with a bearer token.
func Kubeconfig(server string, ca []byte, token string) string {
	config := api.NewConfig()
	config.Clusters["c"] = &api.Cluster{Server: server, CertificateAuthorityData: ca}
	config.AuthInfos["u"] = &api.AuthInfo{Token: token}
	config.Contexts["x"] = &api.Context{Cluster: "c", AuthInfo: "u"}
	config.CurrentContext = "x"
	text, err := clientcmd.Write(*config)
	if err != nil {
		panic(err)
	}
	return string(text)
}

// kubeconfig makes one and remembers what of it is secret.
func (s *Server) kubeconfig(a Access) string {
	token := rand.Text()
	if a.Token != nil {
		token = a.Token()
	}
	text := Kubeconfig(a.Server, a.CA, token)
	s.secrets = append(s.secrets, token, text)
	return text
}

// istioList is a list of all objects of a kind of Istio, or of those of a namespace.
var istioList = regexp.MustCompile(`^/apis/(networking|security|telemetry|extensions)\.istio\.io/[a-z0-9]+/(namespaces/[^/]+/)?[a-z]+$`)

// configServer is the API server of an instance: it has ASMMeshConfig "default", and serves Istio's kinds, of which it has none.
type configServer struct {
	web   *httptest.Server
	token string
	body  []byte
}

func newConfigServer(planes []string) *configServer {
	configured := map[string]any{}
	for _, id := range planes {
		configured[id] = map[string]any{"replicas": 2}
	}
	body, err := json.Marshal(map[string]any{
		"apiVersion": "istio.alibabacloud.com/v1beta1", "kind": "ASMMeshConfig", "metadata": map[string]any{"name": "default"},
		"spec": map[string]any{"externalIstiodConfigurations": configured},
	})
	if err != nil {
		panic(err)
	}
	c := &configServer{token: rand.Text(), body: body}
	c.web = httptest.NewUnstartedServer(http.HandlerFunc(c.serve))
	c.web.Config.ErrorLog = log.New(io.Discard, "", 0)
	c.web.StartTLS()
	return c
}

func (c *configServer) access() *Access {
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.web.Certificate().Raw})
	return &Access{Server: c.web.URL, CA: ca, Token: func() string { return c.token }}
}

func (c *configServer) serve(w http.ResponseWriter, r *http.Request) {
	status, reason := http.StatusNotFound, "NotFound"
	switch {
	case r.Header.Get("Authorization") != "Bearer "+c.token:
		status, reason = http.StatusUnauthorized, "Unauthorized"
	case strings.HasSuffix(r.URL.Path, "/istio.alibabacloud.com/v1beta1/asmmeshconfigs/default"):
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(c.body)
		return
	case istioList.MatchString(r.URL.Path):
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"kind":"List","apiVersion":"v1","metadata":{"resourceVersion":"1"},"items":[]}`)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":%q,"message":%q,"code":%d}`, reason, reason, status)
}
