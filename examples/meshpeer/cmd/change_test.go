package cmd_test

import (
	"context"
	"encoding/json"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/peering/peeringtest"
	"github.com/meshpeer/meshpeer/secrets"
)

// TestAdopt takes over what another tool made: the failure of ensure says how.
func TestAdopt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "east", "west")
		byHand(t, w)
		code, _, err := w.with("ensure", "--from", "east")
		require.Equal(t, 1, code)
		require.Contains(t, err, "next: meshpeer adopt --dry-run --context kind-east --context kind-west --from east")

		code, out, err := w.with("adopt", "--dry-run", "--from", "east", "-o", "name")
		require.Equal(t, 2, code, err)
		require.Contains(t, out, "east/Secret/istio-system/istio-remote-secret-west")
		code, out, err = w.with("adopt", "--revoke", "--from", "east")
		require.Zero(t, code, err)
		require.Contains(t, out, "1 adopted")
		code, _, err = w.with("ensure", "--from", "east")
		require.Zero(t, code, err)
	})
}

// TestPlanned: apply takes from the file what the plan was made with.
func TestPlanned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "east", "west")
		byHand(t, w)
		file := filepath.Join(t.TempDir(), "plan.json")
		code, _, err := w.with("plan", "--adopt", "keep", "--credential", "bound", "--lifetime", "1h", "--from", "east", "-o", file)
		require.Equal(t, 2, code, err)
		code, out, err := w.with("apply", file)
		require.Zero(t, code, err)
		require.Contains(t, out, "1 adopted")
		code, out, err = w.with("credentials", "-o", "json")
		require.Zero(t, code, err)
		require.Contains(t, out, `"kind": "bound"`)
		code, _, err = w.with("plan", "--adopt", "all")
		require.Equal(t, 1, code)
		require.Contains(t, err, "use keep or revoke")
	})
}

// byHand is a remote secret as istioctl makes it.
func byHand(t *testing.T, w *world) {
	t.Helper()
	east, west := w.Member("east"), w.Member("west")
	_, err := west.Create(t.Context(), &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: "istio-system", Name: "istio-reader-service-account"}})
	require.NoError(t, err)
	made, err := west.Create(t.Context(), &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: "istio-system", Name: "istio-reader-service-account-istio-remote-secret-token",
			Annotations: map[string]string{corev1.ServiceAccountNameKey: "istio-reader-service-account"},
		},
		Type: corev1.SecretTypeServiceAccountToken,
	})
	require.NoError(t, err)
	made, err = west.Get(t.Context(), made)
	require.NoError(t, err)
	value := string(made.(*corev1.Secret).Data[corev1.ServiceAccountTokenKey])
	require.NotEmpty(t, value)
	secret, err := secrets.Build(secrets.Remote{Cluster: "west", Endpoint: west.Endpoint, Token: secrets.NewToken(value, time.Time{})}, secrets.Options{})
	require.NoError(t, err)
	_, err = east.Create(t.Context(), secret)
	require.NoError(t, err)
}

// TestUnreachable: links of a cluster that is gone end in the others, and no other link does.
func TestUnreachable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "east", "west", "north")
		code, _, err := w.with("ensure")
		require.Zero(t, code, err)
		w.Member("north").Partition()
		began := time.Now()
		code, out, err := w.run("remove", "--unreachable", "north", "--context", "kind-east", "--context", "kind-west")
		require.Equal(t, 3, code, out+err)
		require.Less(t, time.Since(began), 30*time.Second, "nobody waits for it")
		require.Contains(t, err, "north was not asked: what its links left there cannot be seen")
		require.Contains(t, err, "next: meshpeer remove --context north=ITS-CONTEXT --context kind-east --context kind-west")
		require.NotContains(t, out, "failed")

		code, _, err = w.run("status", "--context", "kind-east", "--context", "kind-west")
		require.Zero(t, code, err)
		for _, id := range []string{"east", "west"} {
			all, failed := w.Member(id).List(t.Context(), &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "istio-system"}}, peering.LabelManagedBy+"="+peering.ManagedBy)
			require.NoError(t, failed)
			require.Len(t, all, 2, "the token that opens %s and the remote secret that it holds", id)
		}
		code, _, err = w.run("remove", "--unreachable", "east", "--context", "kind-east")
		require.Equal(t, 1, code)
		require.Contains(t, err, "name those that can be reached")
	})
}

// TestUnreachableThatAnswersBadly: a failure in a member that can be reached is an error still.
func TestUnreachableThatAnswersBadly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "east", "north")
		code, _, err := w.with("ensure")
		require.Zero(t, code, err)
		w.Member("east").Inject(peeringtest.Fault{Match: peeringtest.On("delete", "Secret"), Times: peeringtest.Always, Failure: peeringtest.Forbidden})
		code, out, err := w.run("remove", "--unreachable", "north", "--context", "kind-east")
		require.Equal(t, 1, code, out+err)
		require.Contains(t, err, "left Secret/istio-system/istio-remote-secret-north of east")
	})
}

// TestUnreachableAndDenied: what the members that are asked say is not lost in what the other one cannot say.
func TestUnreachableAndDenied(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "east", "north")
		w.Member("east").Inject(peeringtest.Fault{Match: peeringtest.On("list", "Secret"), Times: peeringtest.Always, Failure: peeringtest.Forbidden})
		code, out, err := w.run("remove", "--unreachable", "north", "--context", "kind-east")
		require.Equal(t, 1, code, out+err)
		require.Contains(t, out, "failed")
		require.Contains(t, err, "on east: ")
		require.Contains(t, err, "next: kubectl --context kind-east auth can-i --list")
	})
}

// TestInterrupt ends the work, and tells what was undone.
func TestInterrupt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "east", "west")
		w.Member("west").NoTokenController = true
		ctx, cancel := context.WithTimeoutCause(t.Context(), 3*time.Second, context.Canceled)
		defer cancel()
		code, out, err := w.runWithin(ctx, append([]string{"ensure", "--from", "east"}, w.both()...)...)
		require.Equal(t, 1, code, out+err)
		require.Contains(t, err, "interrupted: what was not finished is being undone")
		require.Contains(t, err, "undone ServiceAccount/istio-system/meshpeer-reader-east of west: deleted")
		require.Contains(t, err, "next: meshpeer ensure --context kind-east --context kind-west --from east")
		require.Contains(t, out, "undone")
	})
}

// TestAgain: what was interrupted is what is to be run again, whole.
func TestAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "east", "west")
		file := filepath.Join(t.TempDir(), "plan.json")
		code, _, err := w.with("plan", "-o", file, "--from", "east")
		require.Equal(t, 2, code, err)
		w.Member("west").NoTokenController = true
		ctx, cancel := context.WithTimeoutCause(t.Context(), 3*time.Second, context.Canceled)
		defer cancel()
		code, _, err = w.runWithin(ctx, append([]string{"apply", file, "-o", "name"}, w.both()...)...)
		require.Equal(t, 1, code, err)
		require.Contains(t, err, "next: meshpeer apply "+file+" --output name --context kind-east --context kind-west\n")
	})
}

// TestWait looks again until istiods have caught up, or time is up.
func TestWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "east", "west")
		code, _, err := w.with("ensure")
		require.Zero(t, code, err)
		istiods := w.Member("east").Istiods
		istiods.Stick("istiod-1", "syncing")
		code, out, err := w.run("status", "--wait", "--timeout", "1m", "--context", "east=kind-east", "--context", "west=kind-west")
		require.Equal(t, 2, code, out)
		require.Contains(t, err, "waiting: east -> west: istiod-synced")
		require.Contains(t, err, "next: kubectl --context kind-east logs --tail=100 -n istio-system -l app=istiod")
		time.AfterFunc(20*time.Second, func() { istiods.Stick("istiod-1", "") })
		code, out, err = w.with("status", "--wait")
		require.Zero(t, code, out+err)
	})
}

// TestHosted: what its host does is left to it, and said.
func TestHosted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := worldOf(t, peeringtest.New(peeringtest.Options{Names: []string{"cluster-1", "cluster-2"}, Hosted: []string{"cluster-1"}, Hidden: true, Workloads: true}))
		members := []string{"--context", "cluster-1=kind-cluster-1", "--hosted", "cluster-1", "--context", "kind-cluster-2"}
		code, out, err := w.run(append([]string{"ensure"}, members...)...)
		require.Zero(t, code, out+err)
		require.Contains(t, out, "cluster-2   cluster-1   passed")
		require.Contains(t, err, "note: left to the host of the control plane: cluster-1 -> cluster-2")
		code, out, err = w.run(append([]string{"status"}, members...)...)
		require.Equal(t, 3, code, out+err)
		require.Contains(t, err, "next: meshpeer verify")
		code, out, err = w.run(append([]string{"why", "cluster-1", "cluster-2", "httpbin"}, members...)...)
		require.Equal(t, 3, code, out+err)
		require.Contains(t, err, "reached: cluster-2 answers; not everything on the way could be seen")
		for _, verb := range []string{"ensure", "remove", "rotate", "adopt", "plan"} {
			code, _, err = w.run(append([]string{verb, "--from", "cluster-1"}, members...)...)
			require.Equal(t, 1, code, verb)
			require.Contains(t, err, "the host of the control plane makes and ends it")
		}
		code, out, err = w.run(append([]string{"why", "cluster-2", "cluster-1", "httpbin"}, members...)...)
		require.Zero(t, code, out+err)
		code, _, err = w.run("status", "--context", "kind-cluster-1", "--context", "kind-cluster-2")
		require.Equal(t, 1, code)
		require.Contains(t, err, "--context ID=kind-cluster-1")
	})
}

// TestJSON is the SDK's own form, and nothing else is on standard output.
func TestJSON(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "east", "west")
		for verb, args := range map[string][]string{"ensure": nil, "status": nil, "verify": nil, "why": {"east", "west", "httpbin"}} {
			_, out, err := w.with(append([]string{verb, "-o", "json"}, args...)...)
			report := new(peering.Report)
			require.NoError(t, json.Unmarshal([]byte(out), report), "%s: %s", verb, err)
			require.Equal(t, peering.ReportSchema, report.Schema)
		}
		for _, args := range [][]string{{"plan"}, {"check"}, {"credentials"}, {"version"}} {
			_, out, err := w.with(append(args, "-o", "json")...)
			if args[0] == "version" {
				_, out, err = w.run("version", "-o", "json")
			}
			require.True(t, json.Valid([]byte(out)), "%s: %s%s", args, out, err)
		}
		_, out, _ := w.with("credentials", "-o", "yaml")
		require.Contains(t, out, "serviceAccount: meshpeer-reader-")
	})
}
