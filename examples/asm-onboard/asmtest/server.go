package asmtest

import (
	"crypto/rand"
	"io"
	"log"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"time"

	"github.com/aliyun/credentials-go/credentials"
)

// Options describe an instance and the clusters that Container Service has.
type Options struct {
	Mesh     string // ID of the instance
	State    string // of the instance. Default running
	Version  string // Default v1.24.6.64-g00000000-aliyun
	Clusters []Cluster
	Networks map[string]any   // MultiClusterNetworks by cluster ID
	Planes   []string         // IDs of clusters with a control plane of their own: spec.externalIstiodConfigurations
	Config   *Access          // API server of the instance. Default: one of this package
	Now      func() time.Time // Default time.Now
	Arrived  func(Call)       // told of each request with a good signature, before it is looked at. It must not call the Server
}

// Cluster is one that Container Service has.
type Cluster struct {
	ID      string
	State   string // Default running
	Flag    int    // ForbiddenFlag
	Info    string // ForbiddenInfo
	InMesh  bool   // from the start
	Joining int    // how many looks at it say "starting" after it was added
	Hidden  int    // how many looks do not show it after it was added
	Stuck   bool   // it is "starting" for ever
	Message string // ErrorMessage as soon as it is in the mesh
	Unknown bool   // Container Service does not have it: it has no kubeconfig and is no candidate
	Access  Access // its API server
	Expired int    // how many kubeconfigs have ended when they are handed out
}

// Access is how an API server is reached.
type Access struct {
	Server string        // URL
	CA     []byte        // PEM
	Token  func() string // of each kubeconfig that is handed out. Default: a random one
}

// Server is the stand-in. Its methods may be called while it serves.
type Server struct {
	mu       sync.Mutex
	web      *httptest.Server
	config   *configServer
	options  Options
	clusters []*cluster
	networks map[string]any
	keyID    string
	secret   string
	faults   []*Fault
	nonces   map[string]bool
	calls    []Call
	secrets  []string
}

// cluster is a Cluster with what became of it.
type cluster struct {
	Cluster
	in     bool // added, or there from the start
	looks  int  // at the members since it was added
	adds   int  // requests to add it that were looked at
	issued int  // kubeconfigs
}

// Call is a request that arrived with a good signature.
type Call struct {
	Action      string
	Query, Body map[string]string
}

// New starts the stand-in with a random access key.
func New(o Options) *Server {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Arrived == nil {
		o.Arrived = func(Call) {}
	}
	s := &Server{options: o, networks: maps.Clone(o.Networks), nonces: map[string]bool{}, keyID: "LTAI" + rand.Text()[:16], secret: rand.Text()}
	if s.networks == nil {
		s.networks = map[string]any{}
	}
	s.secrets = []string{s.secret}
	for _, c := range o.Clusters {
		s.clusters = append(s.clusters, &cluster{Cluster: c, in: c.InMesh, looks: c.Joining + c.Hidden})
	}
	if o.Config == nil {
		s.config = newConfigServer(o.Planes)
		s.options.Config = s.config.access()
	}
	s.web = httptest.NewUnstartedServer(http.HandlerFunc(s.serve))
	s.web.Config.ErrorLog = log.New(io.Discard, "", 0) // closed connections are its business
	s.web.Start()
	return s
}

// Close ends it.
func (s *Server) Close() {
	s.web.Close()
	if s.config != nil {
		s.config.web.Close()
	}
}

// Endpoint is host and port of both APIs, which speak http.
func (s *Server) Endpoint() string { return strings.TrimPrefix(s.web.URL, "http://") }

// Credential is the access key that the stand-in accepts.
func (s *Server) Credential() credentials.Credential { return accessKey(s.keyID, s.secret) }

// WrongCredential has the right ID and another secret.
func (s *Server) WrongCredential() credentials.Credential {
	wrong := rand.Text()
	s.mu.Lock()
	s.secrets = append(s.secrets, wrong)
	s.mu.Unlock()
	return accessKey(s.keyID, wrong)
}

func accessKey(id, secret string) credentials.Credential {
	kind := "access_key"
	made, err := credentials.NewCredential(&credentials.Config{Type: &kind, AccessKeyId: &id, AccessKeySecret: &secret})
	if err != nil {
		panic(err)
	}
	return made
}

// Calls are the requests so far, of an action or, for "", all.
func (s *Server) Calls(action string) (found []Call) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.calls {
		if action == "" || c.Action == action {
			found = append(found, c)
		}
	}
	return found
}

// Adds is how many requests to add the cluster were looked at: more than one is one too many.
func (s *Server) Adds(id string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cluster(id).adds
}

// Secrets are all that nobody may see: the secret of the access key, tokens and whole kubeconfigs.
func (s *Server) Secrets() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.secrets...)
}

// Change edits a cluster: what is wrong with it, or no longer.
func (s *Server) Change(id string, edit func(*Cluster)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	edit(&s.cluster(id).Cluster)
}

func (s *Server) cluster(id string) *cluster {
	for _, c := range s.clusters {
		if c.ID == id {
			return c
		}
	}
	return nil
}
