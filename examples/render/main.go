// Command render writes what a link needs as YAML, for people who apply it with GitOps: the reader's account and role for
// the cluster that is read, and the remote secret for the cluster that reads. It contacts no cluster.
package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"time"

	"sigs.k8s.io/yaml"

	"github.com/meshpeer/meshpeer/rbac"
	"github.com/meshpeer/meshpeer/secrets"
)

// placeholder stands where the token goes: a tool that seals or fetches secrets puts the real one there.
const placeholder = "REPLACE-WITH-TOKEN"

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "render:", err)
		os.Exit(1)
	}
}

func run(args []string, out io.Writer) error {
	flags := flag.NewFlagSet("render", flag.ContinueOnError)
	profile := flags.String("profile", "asm", "role of the reader: asm, upstream, remote-control-plane or minimal")
	version := flags.String("istio-version", "", "version of the istiod that reads; empty is the newest known")
	cluster := flags.String("cluster", "", "ID of the cluster that is read; without it only the role is written")
	server := flags.String("server", "", "its API server as the reading istiod reaches it")
	caFile := flags.String("ca-file", "", "PEM file that verifies the server")
	tokenFile := flags.String("token-file", "", "file with the token to put into the Secret; empty: "+placeholder)
	if err := flags.Parse(args); err != nil {
		return err
	}
	p, err := rbac.ParseProfile(*profile)
	if err != nil {
		return err
	}
	reader, err := rbac.Render(rbac.Options{Profile: p, IstioVersion: *version})
	if err != nil {
		return err
	}
	var all bytes.Buffer // nothing is written unless all of it can be
	if err := reader.WriteYAML(&all); err != nil {
		return err
	}
	if *cluster != "" {
		remote := secrets.Remote{Cluster: *cluster, Endpoint: secrets.Endpoint{Server: *server}}
		if remote.Endpoint.CA, err = optionalFile(*caFile); err != nil {
			return err
		}
		if remote.Token, err = token(*tokenFile); err != nil {
			return err
		}
		if err := writeSecret(&all, remote); err != nil {
			return err
		}
	}
	_, err = all.WriteTo(out)
	return err
}

func writeSecret(w io.Writer, remote secrets.Remote) error {
	secret, err := secrets.Build(remote, secrets.Options{})
	if err != nil {
		return err
	}
	secret.StringData = map[string]string{} // a placeholder in base64 could not be found again
	for key, kubeconfig := range secret.Data {
		secret.StringData[key] = string(kubeconfig)
	}
	secret.Data = nil
	document, err := yaml.Marshal(secret)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "---\n%s", document)
	return err
}

func token(file string) (secrets.Token, error) {
	if file == "" {
		return secrets.NewToken(placeholder, time.Time{}), nil
	}
	value, err := os.ReadFile(file)
	return secrets.NewToken(string(bytes.TrimSpace(value)), time.Time{}), err
}

func optionalFile(file string) ([]byte, error) {
	if file == "" {
		return nil, nil
	}
	return os.ReadFile(file)
}
