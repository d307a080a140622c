// Package members makes the clusters of a call, and the links between them, of what a user names on the command line.
package members

import (
	"strings"

	"github.com/spf13/pflag"
	"k8s.io/cli-runtime/pkg/genericclioptions"

	"github.com/meshpeer/meshpeer/peering"
)

// Flags name members and links, as those of kubectl name one cluster.
type Flags struct {
	config *genericclioptions.ConfigFlags

	Contexts  []string // [ID=]CONTEXT
	hosted    []string // IDs
	endpoints []string // ID=URL
	cas       []string // ID=FILE
	from, to  []string // IDs
	hub       string   // ID
	namespace string   // of istiod
	selector  string   // of istiod's Pods
	loopback  bool

	// Connect makes a cluster of a context; nil: of one in the kubeconfig.
	Connect func(id peering.ID, kubeContext string, o peering.ConnectOptions) (*peering.Cluster, error)
}

// New has flags that nobody has set.
func New() *Flags {
	config := genericclioptions.NewConfigFlags(false)
	// What names one cluster or one user makes no sense for several: a context does both.
	config.Context, config.ClusterName, config.AuthInfoName, config.Namespace = nil, nil, nil, nil
	config.APIServer, config.TLSServerName, config.Insecure, config.CAFile = nil, nil, nil, nil
	config.BearerToken, config.CertFile, config.KeyFile, config.Username, config.Password = nil, nil, nil, nil, nil
	config.CacheDir, config.Timeout, config.DisableCompression = nil, nil, nil
	return &Flags{config: config}
}

// Set are the flags, for the help of commands and for the commands that it names.
func (f *Flags) Set() *pflag.FlagSet {
	set := pflag.NewFlagSet("members", pflag.ContinueOnError)
	f.config.AddFlags(set)
	set.StringArrayVar(&f.Contexts, "context", nil, "`[ID=]CONTEXT` of a member, repeated for each; without an ID its istiod is asked what it calls its cluster")
	set.StringSliceVar(&f.hosted, "hosted", nil, "`ID` of a member whose control plane runs elsewhere, as ASM's managed one does")
	set.StringArrayVar(&f.endpoints, "endpoint", nil, "`ID=URL` of a member's API server as the istiods of the others reach it")
	set.StringArrayVar(&f.cas, "endpoint-ca", nil, "`ID=FILE` with the CA of an --endpoint that cannot be dialled from here to choose one")
	set.StringSliceVar(&f.from, "from", nil, "`ID` of a member that reads, with --to; without these every member reads every other")
	set.StringSliceVar(&f.to, "to", nil, "`ID` of a member that is read")
	set.StringVar(&f.hub, "hub", "", "`ID` of a member that is linked with each other one, which are not linked among themselves")
	set.StringVarP(&f.namespace, "istio-namespace", "i", "istio-system", "namespace of istiod and of its remote secrets")
	set.StringVar(&f.selector, "istiod-selector", "", "label selector of istiod's Pods (default app=istiod)")
	set.BoolVar(&f.loopback, "allow-loopback", false, "peer API servers that only this machine reaches")
	return set
}

// Line are the flags that the user gave, as words of a command.
func Line(set *pflag.FlagSet) (words []string) {
	set.VisitAll(func(f *pflag.Flag) {
		if !f.Changed {
			return
		}
		values := []string{f.Value.String()}
		if several, ok := f.Value.(pflag.SliceValue); ok {
			values = several.GetSlice()
		}
		for _, value := range values {
			if f.Value.Type() == "bool" && value == "true" {
				words = append(words, "--"+f.Name)
				continue
			}
			words = append(words, "--"+f.Name, Quote(value))
		}
	})
	return words
}

// Quote is a word as a shell takes it.
func Quote(word string) string {
	if word != "" && !strings.ContainsFunc(word, func(r rune) bool {
		return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:=@,+%", r)
	}) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
