//go:build linux

package clusters

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/meshpeer/meshpeer/internal/lab/pki"
)

// prepare writes the files of etcd, kube-apiserver and kube-controller-manager and composes their command lines.
func (c *Cluster) prepare(index int) error {
	files, err := c.files()
	if err != nil {
		return fmt.Errorf("lab: %s: %w", c.ID, err)
	}
	for name, data := range files {
		if err := os.WriteFile(filepath.Join(c.dir, name), data, 0o600); err != nil {
			return fmt.Errorf("lab: %w", err)
		}
	}
	if err := c.writeKubeconfig(filepath.Join(c.dir, "controllers.kubeconfig"), userControllers); err != nil {
		return err
	}
	c.etcd = c.program("etcd", "etcd.yaml")
	c.apiserver = c.program("kube-apiserver", c.apiserverFlags(index)...)
	c.apiserver.needs = c.etcd
	c.controllers = c.program("kube-controller-manager", c.controllerFlags()...)
	return nil
}

func (c *Cluster) program(name string, args ...string) *program {
	return &program{
		name: c.ID + "/" + name, dir: c.dir, bin: c.lab.home.Bin, spawn: c.lab.home.Spawn,
		args: append([]string{name}, args...), env: []string{"PATH=" + os.Getenv("PATH"), "HOME=" + c.dir},
	}
}

// etcd listens on unix sockets below the state directory (host:port there is only a file name), so that no other user
// of the machine can reach it.
const etcdConfig = `name: lab
data-dir: etcd
listen-client-urls: unix://client:2379
advertise-client-urls: unix://client:2379
listen-peer-urls: unix://peer:2380
initial-advertise-peer-urls: unix://peer:2380
initial-cluster: lab=unix://peer:2380
unsafe-no-fsync: true
warning-unary-request-duration: 1000000000
log-level: warn
`

func (c *Cluster) startEtcd(ctx context.Context) error {
	if err := c.etcd.start(); err != nil {
		return err
	}
	return c.etcd.await(ctx, func(context.Context) error {
		_, err := os.Stat(filepath.Join(c.dir, "client:2379"))
		return err
	})
}

const auditPolicy = `apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules: [{level: Metadata}]
`

func (c *Cluster) files() (map[string][]byte, error) {
	server, node := c.net.Server().Addr(), c.net.Node().Addr()
	serverCert, serverKey, err := c.ca.Issue(pki.Subject{
		Name: "kube-apiserver", IPs: []net.IP{server.AsSlice()},
		DNS: []string{"kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local"},
	})
	if err != nil {
		return nil, err
	}
	clientCert, clientKey, err := c.ca.Issue(pki.Subject{Name: "kube-apiserver-kubelet-client", Org: "system:masters"})
	if err != nil {
		return nil, err
	}
	nodeCert, nodeKey, err := c.ca.Issue(pki.Subject{Name: "system:node:" + c.nodeName(), IPs: []net.IP{node.AsSlice()}})
	if err != nil {
		return nil, err
	}
	accountKey, err := pki.NewKey()
	if err != nil {
		return nil, err
	}
	var tokens strings.Builder
	for i, user := range users {
		groups := `"system:masters"`
		if user == UserLimited {
			groups = `""`
		}
		fmt.Fprintf(&tokens, "%s,%s,%d,%s\n", c.tokens[user], user, i+1, groups)
	}
	return map[string][]byte{
		"ca.crt": c.ca.PEM, "apiserver.crt": serverCert, "apiserver.key": serverKey,
		"kubelet-client.crt": clientCert, "kubelet-client.key": clientKey, "node.crt": nodeCert, "node.key": nodeKey,
		"accounts.key": accountKey, "tokens.csv": []byte(tokens.String()),
		"audit-policy.yaml": []byte(auditPolicy), "etcd.yaml": []byte(etcdConfig),
	}, nil
}

func (c *Cluster) apiserverFlags(index int) []string {
	at := c.net.Server()
	flags := []string{
		"--etcd-servers=unix://client:2379",
		"--bind-address=" + at.Addr().String(), "--secure-port=" + strconv.Itoa(int(at.Port())),
		"--advertise-address=" + c.net.Advertise().String(),
		"--tls-cert-file=apiserver.crt", "--tls-private-key-file=apiserver.key", "--client-ca-file=ca.crt",
		"--service-account-issuer=https://kubernetes.default.svc",
		"--service-account-key-file=accounts.key", "--service-account-signing-key-file=accounts.key",
		"--authorization-mode=Node,RBAC", "--token-auth-file=tokens.csv", "--allow-privileged=true",
		fmt.Sprintf("--service-cluster-ip-range=10.%d.0.0/16", 100+index),
		"--kubelet-preferred-address-types=InternalIP", "--kubelet-certificate-authority=ca.crt",
		"--kubelet-client-certificate=kubelet-client.crt", "--kubelet-client-key=kubelet-client.key",
		"--audit-policy-file=audit-policy.yaml", "--audit-log-path=" + auditFile,
		"--audit-log-mode=blocking", "--audit-log-maxsize=100000", // MB: never rotated, marks are offsets
		"--profiling=false",
		// Webhooks are reached at the endpoints of their Service: no kube-proxy serves this process.
		"--enable-aggregator-routing=true",
	}
	if c.lab.Loopback {
		flags = append(flags, "--endpoint-reconciler-type=none")
	}
	if life := c.options.MaxTokenLife; life > 0 {
		flags = append(flags, "--service-account-max-token-expiration="+life.String())
	}
	return flags
}

func (c *Cluster) controllerFlags() []string {
	controllers := []string{
		"serviceaccount-controller", "namespace-controller", "garbage-collector-controller", "endpointslice-controller",
		"deployment-controller", "replicaset-controller", "root-ca-certificate-publisher-controller",
		"clusterrole-aggregation-controller",
	}
	if !c.options.NoTokenController {
		controllers = append(controllers, "serviceaccount-token-controller")
	}
	return []string{
		"--kubeconfig=controllers.kubeconfig", "--service-account-private-key-file=accounts.key",
		"--root-ca-file=ca.crt", "--use-service-account-credentials=true", "--leader-elect=false", "--secure-port=0",
		"--controllers=" + strings.Join(controllers, ","),
	}
}

// writeKubeconfig writes JSON, which every reader of kubeconfig files takes.
func (c *Cluster) writeKubeconfig(path, user string) error {
	type named map[string]any
	data, err := json.MarshalIndent(named{
		"apiVersion": "v1", "kind": "Config", "current-context": c.ID,
		"clusters": []named{{"name": c.ID, "cluster": named{"server": c.Server, "certificate-authority-data": c.CA}}},
		"users":    []named{{"name": c.ID + "-" + user, "user": named{"token": c.tokens[user]}}},
		"contexts": []named{{"name": c.ID, "context": named{"cluster": c.ID, "user": c.ID + "-" + user}}},
	}, "", "  ")
	if err != nil {
		return fmt.Errorf("lab: %w", err)
	}
	if err := os.WriteFile(path, data, 0o600); err != nil {
		return fmt.Errorf("lab: %w", err)
	}
	return nil
}
