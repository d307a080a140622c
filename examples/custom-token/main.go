// Command custom-token peers with tokens leased from Vault. Exit status: 0 done, 1 error, 3 something cannot be seen.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"k8s.io/client-go/tools/clientcmd"

	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/probe"
	"github.com/meshpeer/meshpeer/secrets"
)

// vault leases tokens from a Kubernetes secrets engine: a secrets.TokenSource and a secrets.Revoker.
type vault struct{ address, token, mount string } // a mount for each cluster; in it a role named like each account

func (v vault) Token(ctx context.Context, r secrets.Request) (secrets.Token, error) {
	var lease struct {
		ID       string `json:"lease_id"`
		Duration int    `json:"lease_duration"` // seconds
		Data     struct {
			Token string `json:"service_account_token"`
		}
	}
	err := v.post(ctx, "/v1/"+v.mount+"/creds/"+r.ServiceAccount, map[string]string{"kubernetes_namespace": r.Namespace}, &lease)
	ref := secrets.Ref{Kind: "vault", Namespace: r.Namespace, Name: lease.ID, ServiceAccount: r.ServiceAccount, Generation: r.Generation, Issued: time.Now()}
	return secrets.NewToken(lease.Data.Token, ref.Issued.Add(time.Duration(lease.Duration)*time.Second)).WithRef(ref), err
}

func (v vault) Revoke(ctx context.Context, ref secrets.Ref) error {
	if ref.Kind != "vault" { // another source made it
		return secrets.ErrNotRevocable
	}
	return v.post(ctx, "/v1/sys/leases/revoke", map[string]string{"lease_id": ref.Name}, nil)
}

func (v vault) post(ctx context.Context, path string, ask map[string]string, answer any) error {
	body, _ := json.Marshal(ask) // strings only
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, v.address+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("X-Vault-Token", v.token)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode >= http.StatusBadRequest { // the body is not shown: it may repeat what it should not
		return fmt.Errorf("vault answers %s to %s: look at the policy of VAULT_TOKEN, and at the mount and the role in this path", response.Status, path)
	}
	if answer == nil {
		return nil
	}
	return json.NewDecoder(response.Body).Decode(answer)
}

func main() {
	exit, err := run(context.Background(), os.Args[1:], os.Stdout, connect)
	if err != nil {
		fmt.Fprintln(os.Stderr, "custom-token:", err)
	}
	os.Exit(exit)
}

// connect makes a cluster of a context in the kubeconfig that kubectl would read.
func connect(name, kubeContext string) (*peering.Cluster, error) {
	config, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(clientcmd.NewDefaultClientConfigLoadingRules(),
		&clientcmd.ConfigOverrides{CurrentContext: kubeContext}).ClientConfig()
	id, invalid := peering.ParseIstioID(name)
	if err = errors.Join(err, invalid); err != nil {
		return nil, fmt.Errorf("%w: write ID=CONTEXT; `kubectl config get-contexts` lists the contexts", err)
	}
	return peering.Connect(id, config, peering.ConnectOptions{})
}

func run(ctx context.Context, args []string, out io.Writer, connect func(name, kubeContext string) (*peering.Cluster, error)) (exit int, err error) {
	p := &peering.Peering{AwaitRefusal: true, Tokens: func(to *peering.Cluster) secrets.TokenSource {
		return vault{os.Getenv("VAULT_ADDR"), os.Getenv("VAULT_TOKEN"), "kubernetes-" + to.ID.String()}
	}}
	verbs := map[string]func(context.Context, ...peering.Link) (*peering.Report, error){"ensure": p.Ensure, "rotate": p.Rotate, "remove": p.Remove}
	if len(args) < 3 || verbs[args[0]] == nil {
		return 1, errors.New("say ensure, rotate or remove, and then ID=CONTEXT of each member")
	}
	var clusters []*peering.Cluster
	for _, arg := range args[1:] {
		name, kubeContext, _ := strings.Cut(arg, "=")
		cluster, err := connect(name, kubeContext)
		if err != nil {
			return 1, err
		}
		clusters = append(clusters, cluster)
	}
	report, err := verbs[args[0]](ctx, peering.Mesh(clusters...)...)
	if report == nil {
		return 1, err
	}
	err = errors.Join(err, report.WriteText(out))
	return map[probe.Status]int{probe.Failed: 1, probe.Unknown: 3}[report.Status()], err
}
