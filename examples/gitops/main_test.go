package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"text/template"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	"github.com/meshpeer/meshpeer/internal/transcript"
	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/peering/peeringtest"
	"github.com/meshpeer/meshpeer/rbac"
	"github.com/meshpeer/meshpeer/secrets"
)

// start is the program before two clusters, with commands of these names and scripts on its PATH.
func start(t *testing.T, scripts map[string]string) (east, west *peeringtest.Member, tr *transcript.Transcript) {
	if _, err := exec.LookPath("sh"); err != nil {
		t.Skip("the sinks here are shell scripts: install sh")
	}
	mesh := peeringtest.NewMesh("east", "west")
	east, west = mesh.Member("east"), mesh.Member("west")
	west.Cluster.Endpoint.Server = "https://127.0.0.1:6443"
	bin := t.TempDir()
	for name, script := range scripts {
		require.NoError(t, os.WriteFile(filepath.Join(bin, name), []byte("#!/bin/sh\nset -eu\n"+script), 0o700))
	}
	t.Setenv("PATH", bin+string(os.PathListSeparator)+os.Getenv("PATH"))
	tr = &transcript.Transcript{Program: "go run ./examples/gitops", Run: func(args []string, stdout, stderr io.Writer) int {
		err := run(t.Context(), args, stdout, func(name, kubeContext string) (*peering.Cluster, error) {
			require.Equal(t, "kind-"+name, kubeContext)
			connected := *mesh.Member(name).Cluster // each run connects anew
			return &connected, nil
		})
		if err != nil {
			fmt.Fprintln(stderr, "gitops:", err)
			return 1
		}
		return 0
	}}
	tr.Start(t)
	return east, west, tr
}

// apply does for the reader what a GitOps controller does.
func apply(t *testing.T, m *peeringtest.Member) {
	t.Helper()
	reader, err := rbac.Render(rbac.Options{Profile: rbac.Minimal, ServiceAccount: "istio-reader-east", Name: "istio-reader-east"})
	require.NoError(t, err)
	var want bytes.Buffer
	require.NoError(t, reader.WriteYAML(&want))
	got, err := os.ReadFile("repo/west/istio-reader-east.yaml")
	require.NoError(t, err)
	require.Equal(t, want.String(), string(got))
	for _, o := range []peering.Object{reader.ServiceAccount, reader.ClusterRole, reader.ClusterRoleBinding, reader.Role, reader.RoleBinding} {
		_, err := m.Create(t.Context(), o)
		require.NoError(t, err)
	}
}

func args(more ...string) []string {
	return append([]string{"-dir", "repo", "-from", "east", "-to", "west=kind-west"}, more...)
}

func TestSealed(t *testing.T) {
	east, west, tr := start(t, map[string]string{"kubeseal": "test \"$*\" = '-o yaml'\ncat >../sealed.json\necho 'kind: SealedSecret'\n"})
	exit, _ := tr.Do(args()...)
	require.Zero(t, exit)
	require.Empty(t, west.Calls())
	apply(t, west)

	tr.Block()
	exit, _ = tr.Do(args("-server", "https://west.example:6443", "-sink", "kubeseal -o yaml")...)
	require.Zero(t, exit)
	tr.Check(t)
	manifest, err := os.ReadFile("repo/east/istio-remote-secret-west.yaml")
	require.NoError(t, err)
	require.Equal(t, "kind: SealedSecret\n", string(manifest))
	works(t, "../sealed.json", west)
	require.Empty(t, east.Calls(), "the cluster that reads is not contacted")

	var refused strings.Builder
	require.Equal(t, 1, tr.Run(args("-sink", "kubeseal -o yaml"), &refused, &refused), "generation 1 is there already")
	require.Contains(t, refused.String(), "make the next one with -generation 2")
	require.Zero(t, tr.Run(args("-server", "https://west.example:6443", "-generation", "2", "-sink", "kubeseal -o yaml"), io.Discard, io.Discard))
	require.Len(t, tokens(t, west), 2, "the old one lives until somebody ends it")
}

// works says that istiod could read m with the Secret of a file.
func works(t *testing.T, file string, m *peeringtest.Member) {
	t.Helper()
	data, err := os.ReadFile(file)
	require.NoError(t, err)
	secret := new(corev1.Secret)
	require.NoError(t, yaml.UnmarshalStrict(data, secret))
	require.Empty(t, secrets.Lint(secret))
	remotes, err := secrets.Parse(secret)
	require.NoError(t, err)
	require.Equal(t, "https://west.example:6443", remotes[0].Endpoint.Server)
	_, err = m.As(remotes[0].Endpoint, remotes[0].Token)
	require.NoError(t, err)
}

func tokens(t *testing.T, m *peeringtest.Member) []peering.Credential {
	t.Helper()
	all, err := peering.Credentials(t.Context(), m.Cluster)
	require.NoError(t, err)
	return all
}

// The script for External Secrets: what it prints gives back, by its template, what it stored.
func TestExternal(t *testing.T) {
	script, err := filepath.Abs("external-secrets.sh")
	require.NoError(t, err)
	_, west, tr := start(t, map[string]string{"vault": "test \"$*\" = 'kv put -mount=secret mesh/west manifest=-'\ncat >stored.json\n"})
	require.Zero(t, tr.Run(args(), io.Discard, io.Discard))
	apply(t, west)
	var out strings.Builder
	require.Zero(t, tr.Run(args("-server", "https://west.example:6443", "-sink", "sh "+script+" west"), &out, &out), out.String())
	works(t, "stored.json", west)

	data, err := os.ReadFile("repo/east/istio-remote-secret-west.yaml")
	require.NoError(t, err)
	require.NotContains(t, string(data), "eyJ")
	var manifest struct {
		Spec struct {
			Target struct{ Template corev1.Secret }
		}
	}
	require.NoError(t, yaml.Unmarshal(bytes.Replace(data, []byte("      data:\n"), []byte("      stringData:\n"), 1), &manifest))
	made := manifest.Spec.Target.Template
	made.Namespace = "istio-system"
	functions := template.FuncMap{
		"fromJson": func(s string) (v any, err error) { return v, json.Unmarshal([]byte(s), &v) },
		"b64dec":   func(s string) (string, error) { b, err := base64.StdEncoding.DecodeString(s); return string(b), err },
	}
	parsed, err := template.New("").Funcs(functions).Parse(made.StringData["west"])
	require.NoError(t, err)
	stored, err := os.ReadFile("stored.json")
	require.NoError(t, err)
	var kubeconfig strings.Builder
	require.NoError(t, parsed.Execute(&kubeconfig, map[string]string{"manifest": string(stored)}))
	made.StringData["west"] = kubeconfig.String()
	require.Empty(t, secrets.Lint(&made))
}

// What nobody is going to use does not stay behind.
func TestSinkFails(t *testing.T) {
	_, west, tr := start(t, map[string]string{"kubeseal": "echo half\nexit 1\n"})
	require.Zero(t, tr.Run(args(), io.Discard, io.Discard))
	apply(t, west)
	for sink, server := range map[string]string{"kubeseal": "https://west.example:6443", "no-such-command": "https://west.example:6443", "cat": ""} {
		require.Equal(t, 1, tr.Run(args("-server", server, "-sink", sink), io.Discard, io.Discard), sink)
		require.NoFileExists(t, "repo/east/istio-remote-secret-west.yaml")
		require.Empty(t, tokens(t, west))
	}
}
