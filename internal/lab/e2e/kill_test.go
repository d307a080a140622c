//go:build linux

package e2e_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/meshpeer/meshpeer/peering"
)

// Environment of the child that is killed.
const (
	envVerb = "MESHPEER_E2E_CHILD" // ensure, rotate, remove or undo; empty in the test itself
	envAt   = "MESHPEER_E2E_AT"    // the write after which it kills itself
	envFrom = "MESHPEER_E2E_FROM"  // kubeconfigs
	envTo   = "MESHPEER_E2E_TO"
)

// TestKillAtEveryWrite kills a process with SIGKILL right after each write of each verb, when the server has done it and
// the process has not yet noted it. One more call ends at the goal, with no orphan credential.
func TestKillAtEveryWrite(t *testing.T) {
	w := sharedWorld(t)
	link := peering.Link{From: w.clusters[1], To: w.clusters[0]}
	p := &peering.Peering{LockTimeout: 100 * time.Millisecond}
	for _, verb := range []string{"ensure", "rotate", "remove", "undo"} {
		for at := 1; ; at++ {
			done := false
			t.Run(fmt.Sprintf("%s/%d", verb, at), func(t *testing.T) {
				t.Cleanup(func() { sweep(t, w.clusters...) })
				if verb == "rotate" || verb == "remove" {
					_, err := p.Ensure(t.Context(), link)
					require.NoError(t, err)
				}
				last, killed := child(t, w, verb, at)
				done = !killed
				if verb == "remove" {
					_, err := p.Remove(t.Context(), link)
					require.NoError(t, err)
					require.Empty(t, left(t, w.clusters...))
				} else {
					_, err := p.Ensure(t.Context(), link)
					require.NoError(t, err)
					plan, err := p.Plan(t.Context(), peering.Present, link)
					require.NoError(t, err)
					require.True(t, plan.Empty())
					require.Equal(t, 1, tokens(t, link), "no orphan credential")
				}
				if killed {
					t.Logf("%-7s killed after write %d (%s) -> goal after one more call", verb, at, last)
				}
			})
			if done || t.Failed() {
				break
			}
		}
	}
}

// child runs a verb in a process of its own, which kills itself at a write. It was not killed if there is no such write.
func child(t *testing.T, w *world, verb string, at int) (last string, killed bool) {
	t.Helper()
	command := exec.CommandContext(t.Context(), os.Args[0])
	command.Env = append(os.Environ(), envVerb+"="+verb, envAt+"="+strconv.Itoa(at), envFrom+"="+w.Clusters[1].Kubeconfig, envTo+"="+w.Clusters[0].Kubeconfig)
	out, err := command.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.Sys().(syscall.WaitStatus).Signal() == syscall.SIGKILL {
		killed = true
	} else if verb != "undo" {
		require.NoError(t, err, "%s", out)
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	return lines[len(lines)-1], killed
}

// childMain is the program that is killed.
func childMain() int {
	at, err := strconv.Atoi(os.Getenv(envAt))
	if err != nil {
		return 2
	}
	var writes atomic.Int32
	verb := os.Getenv(envVerb)
	connect := func(id, file string) *peering.Cluster {
		config, err := clientcmd.BuildConfigFromFlags("", os.Getenv(file))
		if err != nil {
			panic(err)
		}
		parsed, err := peering.ParseID(id)
		if err != nil {
			panic(err)
		}
		c, err := peering.Connect(parsed, config, peering.ConnectOptions{AllowLoopback: true})
		if err != nil {
			panic(err)
		}
		c.Objects = &suicidal{Objects: c.Objects, writes: &writes, at: int32(at), refuseShare: verb == "undo"}
		return c
	}
	link := peering.Link{From: connect("cluster-2", envFrom), To: connect("cluster-1", envTo)}
	p := new(peering.Peering)
	switch verb {
	case "rotate":
		_, err = p.Rotate(context.Background(), link)
	case "remove":
		_, err = p.Remove(context.Background(), link)
	default:
		_, err = p.Ensure(context.Background(), link)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// suicidal ends the process when a write has been done.
type suicidal struct {
	peering.Objects
	writes      *atomic.Int32
	at          int32
	refuseShare bool // so that the verb undoes what it did
}

func (s *suicidal) Create(ctx context.Context, o peering.Object) (peering.Object, error) {
	if s.refuseShare && strings.HasPrefix(o.GetName(), "istio-remote-secret-") {
		return nil, errors.New("refused by the test")
	}
	created, err := s.Objects.Create(ctx, o)
	if err == nil && o.GetName() != "" { // reviews have none
		s.count("create", o)
	}
	return created, err
}

func (s *suicidal) Update(ctx context.Context, o peering.Object) (peering.Object, error) {
	updated, err := s.Objects.Update(ctx, o)
	if err == nil {
		s.count("update", o)
	}
	return updated, err
}

func (s *suicidal) Delete(ctx context.Context, o peering.Object) error {
	err := s.Objects.Delete(ctx, o)
	if err == nil {
		s.count("delete", o)
	}
	return err
}

func (s *suicidal) count(verb string, o peering.Object) {
	fmt.Printf("%s %T %s\n", verb, o, o.GetName())
	if s.writes.Add(1) == s.at {
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {} // until it arrives
	}
}

func tokens(t *testing.T, link peering.Link) int {
	t.Helper()
	found, err := link.To.Objects.List(t.Context(), &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "istio-system"}}, peering.LabelGeneration)
	require.NoError(t, err)
	return len(found)
}
