// Command gitops peers two clusters through Git. It never touches the cluster that reads. In the cluster that is read it makes
// the token, which leaves this process through a Sink only. Exit status: 0 written, 1 error.
package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/rbac"
	"github.com/meshpeer/meshpeer/secrets"
)

func main() {
	if err := run(context.Background(), os.Args[1:], os.Stdout, connect); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "gitops:", err)
		os.Exit(1)
	}
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

// Sink takes a remote secret to where nobody but From's cluster opens it, and writes the manifest to commit in its place.
type Sink interface {
	Put(ctx context.Context, secret *corev1.Secret, manifest io.Writer) error
}

// command is a program that reads a Secret as JSON, such as kubeseal, sops and external-secrets.sh.
type command []string

func (c command) Put(ctx context.Context, secret *corev1.Secret, manifest io.Writer) error {
	document, err := json.Marshal(secret)
	cmd := exec.CommandContext(ctx, c[0], c[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(document), manifest, os.Stderr
	return errors.Join(err, cmd.Run())
}

func run(ctx context.Context, args []string, out io.Writer, connect func(name, kubeContext string) (*peering.Cluster, error)) error {
	flags := flag.NewFlagSet("gitops", flag.ContinueOnError)
	dir := flags.String("dir", ".", "where to write, in a folder for each cluster")
	from := flags.String("from", "", "ID of the cluster that reads; it is never contacted")
	to := flags.String("to", "", "`ID=CONTEXT` of the cluster that is read; it is contacted for a token only")
	server := flags.String("server", "", "its API server as the istiod that reads reaches it; default: the kubeconfig's")
	generation := flags.Int("generation", 1, "number of the token: the next one rotates")
	sink := flags.String("sink", "", "`command` that takes the token; without one the reader is written, and no token made")
	if err := flags.Parse(args); err != nil {
		return err
	}
	id, kubeContext, _ := strings.Cut(*to, "=")
	account := "istio-reader-" + *from
	if *sink == "" {
		reader, err := rbac.Render(rbac.Options{Profile: rbac.Minimal, ServiceAccount: account, Name: account})
		if err != nil {
			return err
		}
		return write(out, filepath.Join(*dir, id, account+".yaml"), reader.WriteYAML)
	}
	cluster, err := connect(id, kubeContext)
	if err != nil {
		return err
	}
	cluster.Endpoint.Server = cmp.Or(*server, cluster.Endpoint.Server)
	tokens := secrets.Durable{Secrets: cluster.Secrets("istio-system")}
	token, err := tokens.Token(ctx, secrets.Request{Reader: *from, ServiceAccount: account, Generation: *generation})
	if _, there := errors.AsType[*secrets.ExistsError](err); there {
		return fmt.Errorf("%w, or make the next one with -generation %d", err, *generation+1)
	} else if err != nil {
		return err
	}
	secret, err := secrets.Build(secrets.Remote{Cluster: id, Endpoint: cluster.Endpoint, Token: token}, secrets.Options{})
	if err == nil {
		err = write(out, filepath.Join(*dir, *from, secret.Name+".yaml"), func(w io.Writer) error { return command(strings.Fields(*sink)).Put(ctx, secret, w) })
	}
	if err != nil { // nobody is going to use it
		err = errors.Join(err, tokens.Revoke(context.WithoutCancel(ctx), token.Ref()))
	}
	return err
}

func write(out io.Writer, file string, to func(io.Writer) error) error {
	var all bytes.Buffer
	if err := to(&all); err != nil {
		return fmt.Errorf("%s is not written: %w", file, err)
	}
	fmt.Fprintln(out, "commit", file)
	return errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, all.Bytes(), 0o644))
}
