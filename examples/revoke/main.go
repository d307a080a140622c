// Command revoke answers a leak: it lists every credential that opens the clusters, ends the one that leaked, and proves that
// it is refused. The link that used it goes on with a new one.
//
// Exit status: 0 listed or revoked, 1 error, 2 the leaked credential is alive and not ours to end, 3 it was not found and not
// every cluster could be read.
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"k8s.io/client-go/tools/clientcmd"

	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/rbac"
	"github.com/meshpeer/meshpeer/secrets"
)

func main() {
	exit, err := run(context.Background(), os.Args[1:], os.Stdout, connect)
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "revoke:", err)
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
	flags := flag.NewFlagSet("revoke", flag.ContinueOnError)
	leaked := flags.String("leaked", "", "file with the leaked token, or its fingerprint (first 8 hex digits of its SHA-256); empty: list")
	end := flags.Bool("end", false, "end the peering that used it too, even if its istiod cannot take a new one")
	var clusters []*peering.Cluster
	flags.Func("cluster", "`ID=CONTEXT` of a member; repeat it for each", func(s string) error {
		name, kubeContext, _ := strings.Cut(s, "=")
		cluster, err := connect(name, kubeContext)
		clusters = append(clusters, cluster)
		return err
	})
	if err := flags.Parse(args); err != nil {
		return 1, err
	}
	all, unread := peering.Credentials(ctx, clusters...)
	if *leaked == "" {
		table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
		fmt.Fprintln(table, "FINGERPRINT\tOPENS\tAS\tOBJECT\tHELD BY\tMADE BY\tLAST USED\tUNTIL")
		for _, c := range all {
			until := "revoked"
			if !c.Until.IsZero() {
				until = c.Until.UTC().Format(time.RFC3339)
			}
			fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", c.Fingerprint, c.Cluster, c.ServiceAccount, c.Object,
				cmp.Or(strings.Join(c.Holders, ", "), "nobody"), c.MadeBy, cmp.Or(c.LastUsed, "-"), until)
		}
		return map[bool]int{true: 1}[unread != nil], errors.Join(unread, table.Flush())
	}
	fingerprint := *leaked
	if token, err := os.ReadFile(*leaked); err == nil {
		fingerprint = secrets.NewToken(strings.TrimSpace(string(token)), time.Time{}).Ref().Fingerprint
	}
	i := slices.IndexFunc(all, func(c peering.Credential) bool { return c.Fingerprint == fingerprint })
	if i < 0 && unread != nil {
		return 3, fmt.Errorf("%w: credential %s was not found in the others", unread, fingerprint)
	} else if i < 0 {
		return 1, fmt.Errorf("no credential %s opens these clusters: it is dead, or of a cluster that is not named", fingerprint)
	}
	links := slices.DeleteFunc(peering.Mesh(clusters...), func(l peering.Link) bool { return l.String() != all[i].Link })
	if len(links) == 0 {
		return 2, fmt.Errorf("%s of %s was made by %s: example adopt -revoke ends it, or `kubectl delete` of the Secret does at once", all[i].Object, all[i].Cluster, all[i].MadeBy)
	}
	p := peering.Peering{Reader: rbac.Options{Profile: rbac.Minimal}, AwaitRefusal: true}
	do := p.Rotate
	if *end {
		do = p.Remove
	}
	report, err := do(ctx, links...)
	if report != nil {
		err = errors.Join(err, report.WriteText(out))
	}
	return map[bool]int{true: 1}[err != nil], err
}
