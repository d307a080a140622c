// Command controlplane is kube-apiserver, kube-controller-manager, etcd, istiod (pilot-discovery), pilot-agent,
// istioctl, and what the lab's Pods run (go-httpbin, stand-ins for curl and sleep) in one binary, so that a lab is one build
// and one cached file. The name it is called by chooses, or else the first argument.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	meshconfig "istio.io/api/mesh/v1alpha1"
	"istio.io/istio/istioctl/cmd"
	agent "istio.io/istio/pilot/cmd/pilot-agent/app"
	discovery "istio.io/istio/pilot/cmd/pilot-discovery/app"
	istioagent "istio.io/istio/pkg/istio-agent"
	"istio.io/istio/pkg/log"
	"istio.io/istio/pkg/security"
	"istio.io/istio/security/pkg/nodeagent/sds"
	"k8s.io/component-base/cli"
	_ "k8s.io/component-base/logs/json/register" // kube-apiserver refuses --logging-format=json without it
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllers "k8s.io/kubernetes/cmd/kube-controller-manager/app"

	"github.com/meshpeer/meshpeer/internal/lab/controlplane/curl"
)

// programs are built lazily: each constructor registers flags and globals of its own.
var programs = map[string]func(args []string) int{
	"etcd":                    etcd,
	"kube-apiserver":          func([]string) int { return cli.Run(apiserver.NewAPIServerCommand()) },
	"kube-controller-manager": func([]string) int { return cli.Run(controllers.NewControllerManagerCommand()) },
	"pilot-discovery":         func([]string) int { return istio(discovery.NewRootCommand()) },
	"pilot-agent":             func([]string) int { return istio(agent.NewRootCommand(newSDS)) },
	"istioctl":                istioctl,
	"httpbin":                 httpbin,
	"sleep":                   sleep,
	"curl":                    func(args []string) int { return curl.Main(args, os.Stdout, os.Stderr) },
}

func main() {
	if run := programs[filepath.Base(os.Args[0])]; run != nil {
		os.Exit(run(os.Args[1:]))
	}
	if len(os.Args) < 2 || programs[os.Args[1]] == nil {
		names := make([]string, 0, len(programs))
		for name := range programs {
			names = append(names, name)
		}
		slices.Sort(names)
		fmt.Fprintf(os.Stderr, "usage: controlplane %s [arguments]\n", strings.Join(names, "|"))
		os.Exit(2)
	}
	run := programs[os.Args[1]]
	os.Args = os.Args[1:] // each program reads its own os.Args
	os.Exit(run(os.Args[1:]))
}

func istio(c *cobra.Command) int {
	log.EnableKlogWithCobra()
	if err := c.Execute(); err != nil {
		log.Error(err)
		return 1
	}
	return 0
}

func istioctl(args []string) int {
	if err := cmd.ConfigAndEnvProcessing(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return cmd.GetExitCode(err)
	}
	log.EnableKlogWithCobra()
	if err := cmd.GetRootCmd(args).Execute(); err != nil {
		return cmd.GetExitCode(err)
	}
	return 0
}

// newSDS is not optional: pilot-agent panics on a nil factory.
func newSDS(o *security.Options, cache security.SecretManager, key *meshconfig.PrivateKeyProvider) istioagent.SDSService {
	return sds.NewServer(o, cache, key)
}
