package asmapi

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	openapi "github.com/alibabacloud-go/darabonba-openapi/v2/client"
	"github.com/aliyun/credentials-go/credentials"

	"github.com/alibabacloud-go/tea/tea"
)

// Options say where the APIs are and who calls them.
type Options struct {
	Region            string                 // of the clusters: it is part of Container Service's address
	Endpoint          string                 // of ASM, without scheme. Default servicemesh.aliyuncs.com
	ContainerEndpoint string                 // of Container Service. Default cs.<Region>.aliyuncs.com
	Protocol          string                 // https, the default; or http, to loopback only, for a stand-in
	Credential        credentials.Credential // Default: the chain of credentials-go, see Error.Hint
	Attempts          int                    // of one call. Default 6
	Pause             time.Duration          // before the second one; it doubles up to 20 times that. Default 500 ms
	Observe           func(Again)            // told before each pause
}

// Again says that a call is about to be sent again.
type Again struct {
	Action  string
	Attempt int // that failed, from 1
	Pause   time.Duration
	Err     error
}

// Client calls the APIs, signed by the official client.
type Client struct {
	mesh, containers *openapi.Client
	options          Options
}

var _ API = (*Client)(nil)

// The longest that a connection, and a reply, may take.
const (
	connectLimit = 10 * time.Second
	readLimit    = 30 * time.Second
)

// New makes a Client without network I/O.
func New(o Options) (*Client, error) {
	if o.Region == "" && o.ContainerEndpoint == "" {
		return nil, errors.New("asmapi: Options.Region is empty: give the region of the clusters, such as cn-hangzhou")
	}
	o.Endpoint = cmp.Or(o.Endpoint, "servicemesh.aliyuncs.com")
	o.ContainerEndpoint = cmp.Or(o.ContainerEndpoint, "cs."+o.Region+".aliyuncs.com")
	o.Protocol, o.Attempts, o.Pause = cmp.Or(o.Protocol, "https"), cmp.Or(o.Attempts, 6), cmp.Or(o.Pause, 500*time.Millisecond)
	if o.Observe == nil {
		o.Observe = func(Again) {}
	}
	for _, endpoint := range []string{o.Endpoint, o.ContainerEndpoint} {
		if o.Protocol != "https" && !loopback(endpoint) {
			return nil, fmt.Errorf("asmapi: Options.Protocol %q to %s: kubeconfigs are sent to loopback only without TLS: use https", o.Protocol, endpoint)
		}
	}
	if o.Credential == nil {
		chain, err := credentials.NewCredential(nil)
		if err != nil {
			return nil, errNoCredential
		}
		o.Credential = chain
	}
	c := &Client{options: o}
	for endpoint, client := range map[string]**openapi.Client{o.Endpoint: &c.mesh, o.ContainerEndpoint: &c.containers} {
		if err := c.connect(endpoint, client); err != nil {
			return nil, err
		}
	}
	if c.mesh == nil { // one endpoint for both
		c.mesh = c.containers
	}
	return c, nil
}

func (c *Client) connect(endpoint string, to **openapi.Client) error {
	config := &openapi.Config{
		Credential: quiet{c.options.Credential}, Endpoint: &endpoint, Protocol: &c.options.Protocol, UserAgent: tea.String("meshpeer-asm-onboard"),
		ConnectTimeout: tea.Int(int(connectLimit.Milliseconds())), ReadTimeout: tea.Int(int(readLimit.Milliseconds())),
	}
	if c.options.Region != "" {
		config.RegionId = &c.options.Region
	}
	if loopback(endpoint) {
		config.NoProxy = &endpoint
	}
	made, err := openapi.NewClient(config)
	if err != nil {
		return errors.New("asmapi: the official client does not take these options")
	}
	made.DisableSDKError = tea.Bool(true) // its errors with status and code
	*to = made
	return nil
}

func loopback(endpoint string) bool {
	host, _, err := net.SplitHostPort(endpoint)
	if err != nil {
		host = endpoint
	}
	address, err := netip.ParseAddr(host)
	return err == nil && address.IsLoopback() || host == "localhost"
}

// errNoCredential does not say what the chain says: it may quote a line of a file with a secret in it.
var errNoCredential = errors.New("no credential was found")

// quiet is a credential whose failures quote nothing.
type quiet struct{ credentials.Credential }

func (q quiet) GetCredential() (*credentials.CredentialModel, error) {
	model, err := q.Credential.GetCredential()
	if err != nil || model == nil {
		return nil, errNoCredential
	}
	return model, nil
}

// secrets are those that a server could send back in what it says.
func (c *Client) secrets() []string {
	model, err := c.options.Credential.GetCredential()
	if err != nil || model == nil {
		return nil
	}
	return []string{tea.StringValue(model.AccessKeySecret), tea.StringValue(model.SecurityToken), tea.StringValue(model.BearerToken)}
}

// sleep ends with the pause or with ctx.
func sleep(ctx context.Context, pause time.Duration) error {
	select {
	case <-time.After(pause):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
