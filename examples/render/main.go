// Command render writes what a link needs as YAML, for people who apply it with GitOps. It writes one part at a time,
// because the parts go into different clusters: the reader's account and roles into the cluster that is read, and the
// remote secret into the cluster that reads. It contacts no cluster.
package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"sigs.k8s.io/yaml"

	"github.com/meshpeer/meshpeer/rbac"
	"github.com/meshpeer/meshpeer/secrets"
)

// placeholder stands where the token goes: a tool that seals or fetches secrets puts the real one there.
const placeholder = "REPLACE-WITH-TOKEN"

func main() {
	if err := run(os.Args[1:], os.Stdout, os.Stderr); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "render:", err)
		os.Exit(1)
	}
}

// options are the flags, with the part that each belongs to.
type options struct {
	part                               string
	profile, version, revisions        string
	cluster, server, caFile, tokenFile string
}

var partOf = map[string]string{
	"profile": "reader", "istio-version": "reader", "revisions": "reader",
	"cluster": "secret", "server": "secret", "ca-file": "secret", "token-file": "secret",
}

func run(args []string, out, warnings io.Writer) error {
	var o options
	flags := flag.NewFlagSet("render", flag.ContinueOnError)
	flags.SetOutput(warnings)
	flags.StringVar(&o.part, "part", "reader", "reader, for the cluster that is read, or secret, for the cluster that reads")
	flags.StringVar(&o.profile, "profile", "asm", "reader: role, one of asm, upstream, remote-control-plane and minimal")
	flags.StringVar(&o.version, "istio-version", "", "reader: version of the istiod that reads; empty is the newest known")
	flags.StringVar(&o.revisions, "revisions", "", "reader: revisions of the istiods that read, joined by commas; empty is the default one")
	flags.StringVar(&o.cluster, "cluster", "", "secret: ID of the cluster that is read")
	flags.StringVar(&o.server, "server", "", "secret: its API server as the reading istiod reaches it")
	flags.StringVar(&o.caFile, "ca-file", "", "secret: PEM file that verifies the server")
	flags.StringVar(&o.tokenFile, "token-file", "", "secret: file with the token to put in; empty: "+placeholder)
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("%q is not a flag: all options are flags", flags.Arg(0))
	}
	var misplaced error
	flags.Visit(func(f *flag.Flag) {
		if of := partOf[f.Name]; of != "" && of != o.part {
			misplaced = fmt.Errorf("-%s is of part %s, which goes into another cluster: call again with -part %[2]s", f.Name, of)
		}
	})
	if misplaced != nil {
		return misplaced
	}
	var all bytes.Buffer // nothing is written unless all of it can be
	var err error
	switch o.part {
	case "reader":
		err = o.writeReader(&all, warnings)
	case "secret":
		err = o.writeSecret(&all)
	default:
		err = fmt.Errorf("part %q: use reader or secret", o.part)
	}
	if err != nil {
		return err
	}
	_, err = all.WriteTo(out)
	return err
}

func (o options) writeReader(w, warnings io.Writer) error {
	profile, err := rbac.ParseProfile(o.profile)
	if err != nil {
		return err
	}
	ro := rbac.Options{Profile: profile, IstioVersion: o.version}
	if o.revisions != "" {
		ro.Revisions = strings.Split(o.revisions, ",")
	}
	reader, err := rbac.Render(ro)
	if err != nil {
		return err
	}
	for _, text := range reader.Warnings {
		fmt.Fprintln(warnings, "render: warning:", text)
	}
	return reader.WriteYAML(w)
}

func (o options) writeSecret(w io.Writer) (err error) {
	if o.cluster == "" {
		return errors.New("-cluster is empty: name the cluster that is read")
	}
	remote := secrets.Remote{Cluster: o.cluster, Endpoint: secrets.Endpoint{Server: o.server}}
	if remote.Endpoint.CA, err = optionalFile(o.caFile); err != nil {
		return err
	}
	if remote.Token, err = token(o.tokenFile); err != nil {
		return err
	}
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
	_, err = w.Write(document)
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
