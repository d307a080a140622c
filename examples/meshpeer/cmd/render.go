package cmd

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"
	"sigs.k8s.io/yaml"

	"github.com/meshpeer/meshpeer/examples/meshpeer/internal/members"
	"github.com/meshpeer/meshpeer/examples/meshpeer/internal/ui"
	"github.com/meshpeer/meshpeer/rbac"
	"github.com/meshpeer/meshpeer/secrets"
)

// placeholder stands where the token goes: a tool that seals or fetches secrets puts the real one there.
const placeholder = "REPLACE-WITH-TOKEN"

// render writes YAML for people who apply it otherwise. It asks no cluster.
func (a *app) render() *cobra.Command {
	c := a.command(&cobra.Command{
		Use: "render", Short: "Write what a link needs as YAML, for GitOps; no cluster is asked",
		Long: `Writes the YAML of one part of a link, because the parts go into different clusters: the reader's account and roles into the
cluster that is read, and the remote secret into the cluster that reads. No cluster is asked.`,
		Args: cobra.NoArgs, RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	})
	c.AddCommand(a.renderReader(), a.renderSecret())
	return c
}

func (a *app) renderReader() *cobra.Command {
	var o rbac.Options
	var profile string
	c := a.command(&cobra.Command{
		Use: "reader", Short: "Account and roles, for the cluster that is read", Args: cobra.NoArgs,
		Example: `  {meshpeer} render reader --profile minimal | kubectl apply --context west -f -
  {meshpeer} ensure --context east --context west --account istio-reader-service-account`,
		RunE: func(*cobra.Command, []string) (err error) {
			if o.Profile, err = rbac.ParseProfile(profile); err != nil {
				return usage(err)
			}
			reader, err := rbac.Render(o)
			if err != nil {
				return usage(err)
			}
			for _, text := range reader.Warnings {
				fmt.Fprintf(a.err, "%s %s\n", a.err.Paint(ui.Yellow, "warning:"), text)
			}
			return reader.WriteYAML(a.out)
		},
	})
	c.Flags().StringVar(&profile, "profile", rbac.ASM.String(), "minimal, asm, upstream or remote-control-plane")
	c.Flags().StringVar(&o.IstioVersion, "istio-version", "", "of the istiod that reads (default the newest known)")
	c.Flags().StringSliceVar(&o.Revisions, "revision", nil, "of the istiods that read")
	c.Flags().StringVarP(&o.Namespace, "namespace", "n", "istio-system", "of the account")
	c.Flags().StringVar(&o.ServiceAccount, "service-account", "istio-reader-service-account", "name of the account")
	return c
}

func (a *app) renderSecret() *cobra.Command {
	var remote secrets.Remote
	var o secrets.Options
	var caFile, tokenFile, file string
	plaintext := false
	c := a.command(&cobra.Command{
		Use: "secret", Short: "Remote secret, for the cluster that reads", Args: cobra.NoArgs,
		Long: `Writes the remote secret with ` + placeholder + ` in place of the token, for a tool that puts it there. With --token-file it holds
the token, and is written to a file of mode 0600; on standard output only with --allow-plaintext.`,
		Example: `  {meshpeer} render secret --cluster west --server https://west.example:6443 --ca-file west.crt
  {meshpeer} render secret --cluster west --server https://west.example:6443 --ca-file west.crt --token-file token -o secret.yaml`,
		RunE: func(*cobra.Command, []string) (err error) {
			if tokenFile != "" && file == "" && !plaintext {
				return &members.UsageError{Text: "the token would stand on standard output in plain text: write it to a file with -o FILE, or give --allow-plaintext"}
			}
			document, err := secretYAML(remote, o, caFile, tokenFile)
			if err != nil {
				return usage(err)
			}
			if file == "" {
				_, err = a.out.Write(document)
				return err
			}
			return write(file, func(w io.Writer) error {
				_, err := w.Write(document)
				return err
			})
		},
	})
	c.Flags().StringVar(&remote.Cluster, "cluster", "", "`ID` of the cluster that is read")
	c.Flags().StringVar(&remote.Endpoint.Server, "server", "", "`URL` of its API server, as the istiod that reads reaches it")
	c.Flags().StringVar(&caFile, "ca-file", "", "PEM `FILE` that verifies the server")
	c.Flags().StringVar(&tokenFile, "token-file", "", "`FILE` with the token")
	c.Flags().StringVarP(&o.Namespace, "namespace", "n", "istio-system", "of the istiod that reads")
	c.Flags().StringVarP(&file, "output", "o", "", "`FILE` to write, with mode 0600")
	c.Flags().BoolVar(&plaintext, "allow-plaintext", false, "write a token to standard output")
	return c
}

func secretYAML(remote secrets.Remote, o secrets.Options, caFile, tokenFile string) (_ []byte, err error) {
	if remote.Cluster == "" {
		return nil, errors.New("--cluster is empty: name the cluster that is read")
	}
	if caFile != "" {
		if remote.Endpoint.CA, err = os.ReadFile(caFile); err != nil {
			return nil, err
		}
	}
	remote.Token = secrets.NewToken(placeholder, time.Time{})
	if tokenFile != "" {
		value, err := os.ReadFile(tokenFile)
		if err != nil {
			return nil, err
		}
		remote.Token = secrets.NewToken(string(bytes.TrimSpace(value)), time.Time{})
	}
	secret, err := secrets.Build(remote, o)
	if err != nil {
		return nil, err
	}
	secret.StringData = map[string]string{} // a placeholder in base64 could not be found again
	for key, kubeconfig := range secret.Data {
		secret.StringData[key] = string(kubeconfig)
	}
	secret.Data = nil
	return yaml.Marshal(secret)
}
