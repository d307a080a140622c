package members

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	"k8s.io/client-go/rest"

	"github.com/meshpeer/meshpeer/examples/controller/mesh"
	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/secrets"
)

// connection to one member.
type connection struct {
	cluster  *peering.Cluster
	identity string // of all but the bearer token
	bearer   atomic.Pointer[secrets.Token]
	refused  atomic.Pointer[secrets.Token]
	over     atomic.Bool // replaced, or the member left: what it still sends is nobody's
}

// use is for the requests to come. Those on their way keep what they have.
func (c *connection) use(bearer secrets.Token) {
	if last := c.bearer.Load(); last == nil || !last.Equal(bearer) {
		c.bearer.Store(&bearer)
	}
}

func (c *connection) end() { c.over.Store(true) }

func (c *Cache) connect(k key, m mesh.Member, identity string, bearer secrets.Token) (*connection, error) {
	made := &connection{identity: identity}
	made.use(bearer)
	config := rest.CopyConfig(m.Config)
	if config.BearerTokenFile == "" { // client-go reads the file again by itself
		config.BearerToken = ""
	}
	config.Wrap(func(next http.RoundTripper) http.RoundTripper {
		return &transport{connection: made, cache: c, key: k, next: next}
	})
	var err error
	made.cluster, err = peering.Connect(m.ID, config, m.Options)
	return made, err
}

// describe tells apart what needs a new connection from a new bearer token. What is not comparable, such as a dialer or a
// transport of the caller's own, is taken to be the same.
func describe(m mesh.Member) (identity string, bearer secrets.Token, err error) {
	if m.Config == nil {
		return "", bearer, fmt.Errorf("cluster %s: its source gives neither a configuration nor a reason", m.ID)
	}
	c := m.Config
	if c.BearerTokenFile == "" {
		bearer = secrets.NewToken(c.BearerToken, time.Time{})
	}
	endpoint := ""
	if m.Options.Endpoint != nil {
		e := m.Options.Endpoint
		proxy, _ := e.Proxy()
		endpoint = fmt.Sprint(e.Server, "\x00", e.TLSServerName, "\x00", string(e.CA), "\x00", proxy, "\x00", e.InsecureSkipTLSVerify, e.AllowLoopback)
	}
	options := m.Options
	options.Endpoint = nil
	proxy := ""
	if c.Proxy != nil { // clientcmd makes a function of proxy-url
		if u, err := c.Proxy(&http.Request{}); err == nil && u != nil {
			proxy = u.String()
		}
	}
	data, err := json.Marshal([]any{
		c.Host, c.APIPath, c.Username, c.Password, c.BearerTokenFile, c.Impersonate, c.TLSClientConfig.ServerName, c.Insecure,
		c.CertFile, c.KeyFile, c.CAFile, c.CertData, c.KeyData, c.CAData, c.AuthProvider, c.ExecProvider, proxy, endpoint, options,
	})
	if err != nil {
		return "", bearer, fmt.Errorf("cluster %s: its configuration cannot be compared: %w", m.ID, err)
	}
	sum := sha256.Sum256(data) // it holds keys: the digest is kept, and never shown
	return hex.EncodeToString(sum[:]), bearer, nil
}
