package peeringtest

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"time"

	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/secrets"
)

// Options make a Mesh. The zero value has no members: name some, or give a Size.
type Options struct {
	// Names are the IDs of the members. Default: cluster-1 to cluster-<Size>.
	Names []string
	Size  int // how many members, where Names is empty
	// Hosted are the members whose control plane runs elsewhere and reads all others already, as that of an ASM instance does:
	// their Cluster.Hosted is set, and nothing that the program writes into them makes their istiods read more.
	Hosted []string
	// Hidden keeps the istiods of hosted members from the program: their Cluster.Istiods is nil, as Connect leaves it. What
	// they read stays to be seen in traffic, which they route.
	Hidden bool

	// Latency of every call of an API server, istiods' debug pages included. It can be changed by Slow.
	Latency time.Duration
	// Istiods is the number of replicas of each member, istiod-1 and so on. Default 1; -1 is none.
	Istiods int
	// Workloads deploys httpbin, a Service with port 8000, and sleep in every member.
	Workloads bool
	// Now is the clock of the API servers: of tokens' lives and creation timestamps. Default time.Now, which testing/synctest
	// fakes by itself. Mesh.Advance moves it on.
	Now func() time.Time
}

// NewMesh makes a cluster for each ID. Each has one istiod replica, istiod-1. It panics on an invalid ID and on one that is
// given twice. New has more options.
func NewMesh(ids ...string) *Mesh { return New(Options{Names: ids}) }

// New makes the members that o describes. It panics on an invalid ID, on one that is given twice, and on a hosted one that is
// no member.
//
//	mesh := peeringtest.New(peeringtest.Options{Size: 100, Latency: 5 * time.Millisecond})
func New(o Options) *Mesh {
	if len(o.Names) == 0 {
		for i := range o.Size {
			o.Names = append(o.Names, "cluster-"+strconv.Itoa(i+1))
		}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	m := &Mesh{byID: map[string]*Member{}, byURL: map[string]*Server{}, needs: needs{all: map[release]*wanted{}}}
	clock := o.Now
	o.Now = func() time.Time { return clock().Add(time.Duration(m.ahead.Load())) }
	for _, name := range o.Names {
		if m.Member(name) != nil {
			panic(fmt.Sprintf("peeringtest: New: ID %q is given twice", name))
		}
		m.add(name, o)
	}
	for _, name := range o.Hosted {
		if m.Member(name) == nil {
			panic(fmt.Sprintf("peeringtest: New: hosted member %q is not among the members", name))
		}
	}
	return m
}

func (m *Mesh) add(name string, o Options) {
	parsed, err := peering.ParseIstioID(name)
	if err != nil {
		panic(err)
	}
	endpoint := secrets.Endpoint{Server: fmt.Sprintf("https://%s.example:6443", rand.Text()), CA: throwawayCA(o.Now())}
	server := newServer(endpoint, o.Now)
	server.id, server.number = name, len(m.members)
	server.Slow(o.Latency)
	istiods := &Istiods{
		mesh: m, server: server, id: name, version: "1.31.0", hosted: slices.Contains(o.Hosted, name),
	}
	replicas := o.Istiods
	if replicas == 0 {
		replicas = 1
	}
	for i := range max(replicas, 0) {
		istiods.Add(Replica{Name: "istiod-" + strconv.Itoa(i+1)})
	}
	member := &Member{
		mesh: m, Server: server, Istiods: istiods,
		Cluster: &peering.Cluster{
			ID: parsed, Endpoint: endpoint, Hosted: istiods.hosted,
			Objects: server, As: m.as, Accounts: server.accounts, Dial: refuse, Checks: server.checks(name),
		},
	}
	if !istiods.hosted || !o.Hidden {
		member.Cluster.Istiods = istiods
	}
	member.Checks.Hosted = istiods.hosted
	member.Exec = member.exec
	m.members = append(m.members, member)
	m.byID[name], m.byURL[endpoint.Server] = member, server
	if o.Workloads {
		member.Run(App{Name: "httpbin", Port: 8000, Replicas: 1})
		member.Run(App{Name: "sleep", Port: 80, Replicas: 1})
	}
}

// throwawayCA is a certificate whose key is forgotten at once: nothing here speaks TLS, but istiod would refuse a remote
// secret without a real one.
func throwawayCA(now time.Time) []byte {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		panic(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "peeringtest"}, NotAfter: now.AddDate(10, 0, 0),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, public, private)
	if err != nil {
		panic(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}
