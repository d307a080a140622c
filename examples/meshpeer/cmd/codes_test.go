package cmd_test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/peering/peeringtest"
)

// TestCodes: what is broken, what was denied and what could not be asked have a code each, whatever the verb.
func TestCodes(t *testing.T) {
	deny := func(m *peeringtest.Member) {
		m.Inject(peeringtest.Fault{Match: peeringtest.On("", "Secret"), Times: peeringtest.Always, Failure: peeringtest.Forbidden})
	}
	cut := func(m *peeringtest.Member) { m.Partition() }
	for name, tt := range map[string]struct {
		harm func(*peeringtest.Member)
		args []string
		code int
		says string
		next string
	}{
		"status, denied":      {deny, []string{"status"}, 1, "", "next: kubectl --context kind-west auth can-i --list -n istio-system"},
		"status, cut off":     {cut, []string{"status"}, 3, "", "next: kubectl --context kind-west get --raw /readyz"},
		"ensure, denied":      {deny, []string{"ensure"}, 1, "", "next: kubectl --context kind-west auth can-i"},
		"ensure, cut off":     {cut, []string{"ensure"}, 3, "", "next: kubectl --context kind-west get --raw /readyz"},
		"plan, denied":        {deny, []string{"plan"}, 1, "cannot be planned", "next: kubectl --context kind-west auth can-i"},
		"plan, cut off":       {cut, []string{"plan"}, 3, "cannot be planned", "next: kubectl --context kind-west get --raw /readyz"},
		"check, denied":       {deny, []string{"check"}, 1, "cannot be checked", "next: kubectl --context kind-west auth can-i"},
		"check, cut off":      {cut, []string{"check"}, 3, "cannot be checked", "next: kubectl --context kind-west get --raw /readyz"},
		"why, denied":         {deny, []string{"why", "east", "west", "httpbin"}, 1, "", "next: kubectl --context kind-west auth can-i"},
		"why, cut off":        {cut, []string{"why", "east", "west", "httpbin"}, 3, "", "next: kubectl --context kind-west get --raw /readyz"},
		"credentials, denied": {deny, []string{"credentials"}, 1, "", "next: kubectl --context kind-west auth can-i"},
		"credentials, cut":    {cut, []string{"credentials"}, 3, "", "next: kubectl --context kind-west get --raw /readyz"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, "east", "west")
				code, _, err := w.with("ensure")
				require.Zero(t, code, err)
				tt.harm(w.Member("west"))
				args := append([]string{"--context", "east=kind-east", "--context", "west=kind-west"}, "--from", "east")
				if tt.args[0] == "credentials" {
					args = args[:4]
				}
				if tt.args[0] == "why" {
					args = args[:4]
				}
				code, out, err := w.run(append(tt.args, args...)...)
				require.Equal(t, tt.code, code, out+err)
				require.Contains(t, out+err, tt.says)
				require.Contains(t, err, tt.next)
			})
		})
	}
}

// TestHazard: a rotation that istiods would miss is refused, and the next command is one that works.
func TestHazard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "east", "west")
		w.Member("east").Istiods.SetVersion("1.29.1")
		code, _, err := w.with("ensure")
		require.Zero(t, code, err)
		code, _, err = w.with("rotate", "--from", "east")
		require.Equal(t, 1, code)
		require.Contains(t, err, "next: meshpeer rotate --restart-istiods --context kind-east --context kind-west --from east")
		code, _, err = w.with("rotate", "--from", "east", "--restart-istiods")
		require.Equal(t, 1, code)
		require.Contains(t, err, "no Deployment labelled app=istiod in namespace istio-system of east")
	})
}

// TestVerifyFails: a request that gets no answer in time is a finding, and no server that could not be asked.
func TestVerifyFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := worldOf(t, peeringtest.New(peeringtest.Options{Names: []string{"east", "west"}}))
		code, _, err := w.with("ensure")
		require.Zero(t, code, err)
		code, _, err = w.with("verify", "--from", "east", "-n", "shop")
		require.Equal(t, 2, code, err)
		require.Contains(t, err, "next: meshpeer why east west httpbin.shop:8000 --context kind-east")
		code, out, err := w.with("why", "east", "west", "orders.shop:80")
		require.Equal(t, 2, code, out+err)
		require.Contains(t, err, "reason: istiod-endpoints: ")
		require.Contains(t, err, "next: meshpeer check --context kind-east --context kind-west")
	})
}

// TestWhyByContext: contexts in place of IDs, and commands after it that name them.
func TestWhyByContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "east", "west")
		code, out, err := w.run("why", "kind-east", "kind-west", "httpbin")
		require.Equal(t, 2, code, err)
		require.Contains(t, out, "east -> west, httpbin.default")
		require.Contains(t, err, "next: meshpeer ensure --dry-run --context kind-east --context kind-west\n")
		code, _, err = w.run("why", "a=kind-east", "b=kind-west", "httpbin", "--endpoint", "b=https://b.example:6443")
		require.Equal(t, 3, code, err)
		require.Contains(t, err, "API server of \"b\" at b.example:6443 (given by --endpoint)")
		require.Contains(t, err, "give it with --endpoint-ca")
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		code, _, err = w.runWithin(ctx, "why", "a=kind-east", "b=kind-west", "httpbin")
		require.Equal(t, 1, code, err)
		require.Contains(t, err, "next: meshpeer why a b httpbin --context a=kind-east --context b=kind-west")
	})
}

// TestIdentify: IDs are asked for, and never guessed.
func TestIdentify(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "east", "west")
		w.Member("west").Istiods.Scale()
		code, _, err := w.with("ensure")
		require.Equal(t, 1, code)
		require.Contains(t, err, "the cluster of context kind-west has no istiod that tells its ID")
		require.Contains(t, err, "with ID=kind-west in place of kind-west")
		code, _, err = w.run("ensure", "--context", "kind-east", "--context", "west=kind-west")
		require.Equal(t, 3, code, err)
		require.Contains(t, err, "unknown istiod-synced of")
	})
}

// TestTwoOfOneID are not peered.
func TestTwoOfOneID(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "east", "west")
		code, _, err := w.run("ensure", "--context", "a=kind-east", "--context", "a=kind-west")
		require.Equal(t, 1, code)
		require.Contains(t, err, `are both called "a"`)
		code, _, err = w.run("ensure", "--context", "a=kind-east", "--context", "b=kind-east")
		require.Equal(t, 1, code)
		require.Contains(t, err, "next: kubectl config get-contexts")
	})
}

// TestTopology: a hub, and pairs.
func TestTopology(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "a", "b", "c")
		for _, tt := range []struct {
			args []string
			want string
		}{
			{nil, "a/b\na/c\nb/a\nb/c\nc/a\nc/b\n"},
			{[]string{"--hub", "b"}, "b/a\na/b\nb/c\nc/b\n"},
			{[]string{"--from", "a"}, "a/b\na/c\n"},
			{[]string{"--to", "a,b", "--from", "c"}, "c/a\nc/b\n"},
		} {
			_, out, err := w.with(append([]string{"status", "-o", "name"}, tt.args...)...)
			require.Equal(t, tt.want, out, err)
		}
		for says, args := range map[string][]string{
			`"d" is no member`:     {"--hub", "d"},
			"give one of them":     {"--hub", "a", "--from", "b"},
			"write ID=URL":         {"--endpoint", "a"},
			"--endpoint of a":      {"--endpoint", "a=ftp://x"},
			"alone makes no link":  {"--from", "a", "--to", "a"},
			"use asm or upstream":  {"--flavour", "other"},
			"use durable or bound": {"--credential", "other"},
			"--profile":            {"--profile", "other"},
			"-o other: use one of": {"-o", "other"},
			".html, .xml or .json": {"--report", "a.txt"},
		} {
			code, _, err := w.with(append([]string{"status"}, args...)...)
			require.Equal(t, 1, code, says)
			require.Contains(t, err, says)
			require.Contains(t, err, "next: meshpeer status --help", says)
		}
	})
}

// TestFinding: a check that fails stops ensure, and says with which command it is found.
func TestFinding(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "east", "west")
		_, failed := w.Member("east").Create(t.Context(), &corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{Namespace: "istio-system", Name: "istiod-x", Labels: map[string]string{"app": "istiod"}},
			Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "discovery", Image: "istio/pilot:1.31.0", Env: []corev1.EnvVar{{Name: "CLUSTER_ID", Value: "west"}}}}},
			Status:     corev1.PodStatus{Phase: corev1.PodRunning},
		})
		require.NoError(t, failed)
		code, out, err := w.with("check", "--from", "east")
		require.Equal(t, 2, code, out+err)
		require.Contains(t, out, "failed  cluster-id-not-own of ")
		require.Contains(t, out, "global.multiCluster.clusterName")
		code, _, err = w.with("ensure", "--from", "east")
		require.Equal(t, 1, code)
		require.Contains(t, err, "next: meshpeer check --context kind-east --context kind-west --from east")
	})
}

// TestTolerate: what is tolerated does not count, as in ensure.
func TestTolerate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "east", "west")
		code, out, err := w.with("check", "-o", "name")
		require.Equal(t, 3, code, err)
		var all []string
		for id := range strings.Lines(out) {
			all = append(all, strings.TrimSpace(id))
		}
		code, _, err = w.with("check", "--tolerate", strings.Join(all, ","))
		require.Zero(t, code, err)
		require.Contains(t, err, "next: meshpeer ensure --dry-run")
	})
}

// TestEndpoint goes into the remote secret, and into the next command.
func TestEndpoint(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "east", "west")
		w.Member("west").ServeAt("https://west.internal:6443")
		ca := filepath.Join(t.TempDir(), "ca.crt")
		require.NoError(t, os.WriteFile(ca, w.Member("west").Endpoint.CA, 0o600))
		args := []string{"--from", "east", "--endpoint", "west=https://west.internal:6443", "--endpoint-ca", "west=" + ca}
		code, out, err := w.with(append([]string{"plan", "-o", "json"}, args...)...)
		require.Equal(t, 2, code, err)
		plan := new(peering.Plan)
		require.NoError(t, json.Unmarshal([]byte(out), plan), err)
		require.Len(t, plan.Links, 1)
		require.Equal(t, "https://west.internal:6443", plan.Links[0].Intent.Server)
		code, out, err = w.with(append([]string{"ensure"}, args...)...)
		require.Zero(t, code, out+err)
		require.Contains(t, out, "7 created")
		code, _, err = w.with("status", "--endpoint-ca", "west="+ca)
		require.Equal(t, 1, code)
		require.Contains(t, err, "with an --endpoint of the same ID")
	})
}

// TestReports are files of three kinds, and hold no token.
func TestReports(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "east", "west")
		dir := t.TempDir()
		var args []string
		for _, kind := range []string{"html", "xml", "json"} {
			args = append(args, "--report", filepath.Join(dir, "report."+kind))
		}
		code, _, err := w.with(append([]string{"ensure", "--audit", filepath.Join(dir, "audit")}, args...)...)
		require.Zero(t, code, err)
		for name, begins := range map[string]string{"report.html": "<!DOCTYPE html>", "report.xml": "<?xml", "report.json": "{\n", "audit": `{"schema":"meshpeer.io/audit/v1"`} {
			data, err := os.ReadFile(filepath.Join(dir, name))
			require.NoError(t, err)
			require.Contains(t, string(data), begins)
			require.NotRegexp(t, token, string(data))
			info, err := os.Stat(filepath.Join(dir, name))
			require.NoError(t, err)
			require.Equal(t, os.FileMode(0o600), info.Mode(), name)
		}
		code, _, err = w.with("status", "--report", filepath.Join(dir, "none", "report.html"))
		require.Equal(t, 1, code)
		require.Contains(t, err, "no such file")
	})
}
