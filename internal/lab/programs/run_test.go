//go:build linux

package programs_test

import (
	"bytes"
	"context"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"

	"github.com/meshpeer/meshpeer/internal/lab/labtest"
	"github.com/meshpeer/meshpeer/peering/istiod"
)

// writeKubeconfig makes what kubectl would read (mode 0600): a context for each cluster, named as kind names them.
func (w *world) writeKubeconfig() error {
	all := api.NewConfig()
	for _, c := range w.Lab.Clusters {
		one, err := clientcmd.LoadFromFile(c.Kubeconfig)
		if err != nil {
			return err
		}
		current := one.Contexts[one.CurrentContext]
		all.Clusters[c.ID], all.AuthInfos[c.ID] = one.Clusters[current.Cluster], one.AuthInfos[current.AuthInfo]
		all.Contexts["kind-"+c.ID] = &api.Context{Cluster: c.ID, AuthInfo: c.ID}
	}
	return clientcmd.WriteToFile(*all, w.kubeconfig)
}

// person runs programs in a folder of their own.
type person struct {
	*world
	t   *testing.T
	dir string
	env []string
}

func (w *world) person(t *testing.T, env ...string) *person {
	env = append(env, "KUBECONFIG="+w.kubeconfig, "USER=somebody", "PATH=/usr/local/bin:/usr/bin:/bin")
	return &person{w, t, t.TempDir(), env}
}

var token = regexp.MustCompile(`eyJ[\w-]+\.[\w-]+\.`)

// try runs a program and returns its exit status and all that it said, in which there must be no token.
func (p *person) try(program string, args ...string) (exit int, said string) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), 2*time.Minute)
	defer cancel()
	command := exec.CommandContext(ctx, filepath.Join(p.bin, program), args...)
	command.Dir, command.Env = p.dir, p.env
	var out bytes.Buffer
	command.Stdout, command.Stderr = &out, &out
	began := time.Now()
	err := command.Run()
	require.NotNil(p.t, command.ProcessState, "%s: %v", program, err)
	require.NotRegexp(p.t, token, out.String())
	p.t.Logf("%s %v: exit status %d after %.1f s\n%s", program, args, command.ProcessState.ExitCode(), time.Since(began).Seconds(), out.String())
	return command.ProcessState.ExitCode(), out.String()
}

// sees runs a program that has to end with this status and to say these words.
func (p *person) sees(status int, words []string, program string, args ...string) string {
	p.t.Helper()
	exit, said := p.try(program, args...)
	require.Equal(p.t, status, exit, said)
	for _, word := range words {
		require.Contains(p.t, said, word)
	}
	return said
}

// output is what a program writes for another one: it may hold a token.
func (p *person) output(program string, args ...string) []byte {
	p.t.Helper()
	command := exec.CommandContext(p.t.Context(), filepath.Join(p.bin, program), args...)
	command.Dir, command.Env = p.dir, p.env
	out, err := command.Output()
	require.NoError(p.t, err)
	return out
}

// eventually sees it: API servers trust a token for 10 s after they have seen it.
func (p *person) eventually(status int, word, program string, args ...string) {
	p.t.Helper()
	for deadline := time.Now().Add(labtest.Patience); ; {
		exit, said := p.try(program, args...)
		if exit == status && bytes.Contains([]byte(said), []byte(word)) {
			return
		}
		require.True(p.t, time.Now().Before(deadline), "%d, not %d: %s", exit, status, said)
		time.Sleep(time.Second)
	}
}

// reads waits until every istiod of a cluster says this of another one.
func (p *person) reads(from, to string, want istiod.Status) {
	p.t.Helper()
	for _, replica := range p.Cluster(from).Istiods {
		var last istiod.Status
		require.Eventually(p.t, func() bool {
			status, _, err := labtest.Look(p.t.Context(), replica, to)
			last = status
			return err == nil && status == want
		}, labtest.Patience, labtest.Tick, "istiod of %s about %s: %s, not %s", from, to, lazily(func() string { return string(last) }), want)
	}
}

// lazily is a text that is made when it is shown.
type lazily func() string

func (l lazily) String() string { return l() }

// flags are those that name members: -cluster east=kind-east.
func flags(name string, members ...string) (all []string) {
	for _, m := range members {
		all = append(all, name, member(m))
	}
	return all
}

func member(id string) string { return id + "=kind-" + id }

func with(first []string, more ...string) []string { return append(slices.Clone(first), more...) }
