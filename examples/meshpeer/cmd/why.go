package cmd

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshpeer/meshpeer/examples/meshpeer/internal/members"
	"github.com/meshpeer/meshpeer/examples/meshpeer/internal/reach"
	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/peering/traffic"
)

// why climbs from the remote secret to an answer of one service, and stops at what is in the way.
func (a *app) why() *cobra.Command {
	w := traffic.Workload{}
	path := "/"
	c := a.command(&cobra.Command{
		Use: "why FROM TO SERVICE[.NAMESPACE][:PORT]", Short: "Say why a service cannot be reached across a link", GroupID: groupLook, Args: cobra.ExactArgs(3),
		Long: `Climbs from the remote secret over istiods, gateway and the client's proxy to an answer of the service in TO for a client in
FROM. The first rung that does not hold is the reason, and below it stands what to do. Changes nothing; requests are GETs.

FROM and TO are IDs of members, or contexts where no --context is given. A service other than httpbin is asked for --path; every
answer below 500 counts.`,
		Example: `  {meshpeer} why east west httpbin
  {meshpeer} why east west orders.shop:8080 --client cart --context east --context west`,
		ValidArgsFunction: func(c *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
			switch {
			case len(args) > 1:
				return nil, cobra.ShellCompDirectiveNoFileComp
			case len(a.members.Contexts) == 0:
				return a.members.ContextNames(typed), cobra.ShellCompDirectiveNoFileComp
			}
			return slices.DeleteFunc(a.members.IDs(c.Context()), func(id string) bool { return slices.Contains(args, id) }), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(c *cobra.Command, args []string) error {
			ctx := c.Context()
			p, link, err := a.whyLink(ctx, args[0], args[1])
			if err != nil {
				return err
			}
			if err := a.service(ctx, link, &w, args[2]); err != nil {
				return err
			}
			p.Workload = &w
			if w.Service != "httpbin" || c.Flags().Changed("path") {
				p.Workload = &reach.Service{Workload: w, Path: path}
			}
			report, err := a.watched(ctx, p, p.Verify, []peering.Link{link})
			if report == nil {
				return err
			}
			return a.explain(ctx, link, p, w, report)
		},
	}, a.sets.members, a.sets.link)
	c.Flags().StringVarP(&w.Namespace, "namespace", "n", "default", "of the service and of its client")
	c.Flags().StringVar(&path, "path", path, "to ask a service for that is no httpbin")
	workloadFlags(c, &w)
	a.outputFlags(c)
	a.reportFlag(c)
	return c
}

// whyLink is the link from one argument to the other.
func (a *app) whyLink(ctx context.Context, from, to string) (p *peering.Peering, link peering.Link, err error) {
	if p, err = a.peering(); err != nil {
		return nil, link, err
	}
	byContext := len(a.members.Contexts) == 0
	if byContext {
		a.members.Contexts = []string{from, to}
	}
	if err = a.resolve(ctx); err != nil {
		return nil, link, err
	}
	source, target := a.set.All[0], a.set.All[len(a.set.All)-1]
	if !byContext {
		if source, err = a.set.ByID(from); err == nil {
			target, err = a.set.ByID(to)
		}
		if err != nil {
			return nil, link, err
		}
	} else if err := a.sets.members.Set("context", from); err == nil { // for the commands that come next
		_ = a.sets.members.Set("context", to)
		a.typed[0], a.typed[1] = source.ID.String(), target.ID.String()
	}
	links := []peering.Link{{From: source.Cluster, To: target.Cluster}}
	err = a.members.Address(a.set, links)
	return p, links[0], err
}

// service reads NAME[.NAMESPACE][:PORT]. A port that is not given is the Service's own, if it has just one.
func (a *app) service(ctx context.Context, link peering.Link, w *traffic.Workload, word string) error {
	name, port, given := strings.Cut(word, ":")
	name, namespace, qualified := strings.Cut(name, ".")
	w.Service = name
	if qualified {
		w.Namespace, _, _ = strings.Cut(namespace, ".")
	}
	if given {
		n, err := strconv.Atoi(port)
		if err != nil || n < 1 || n > 65535 {
			return &members.UsageError{Text: fmt.Sprintf("%s: %q is no port", members.Quote(word), port)}
		}
		w.Port = n
	}
	if err := w.Validate(); err != nil {
		return usage(err)
	}
	if given || name == "httpbin" {
		return nil
	}
	o, err := link.To.Objects.Get(ctx, &corev1.Service{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Service"}, ObjectMeta: metav1.ObjectMeta{Namespace: w.Namespace, Name: name},
	})
	if err != nil {
		return fmt.Errorf("the port of %s is not given, and the Service of %s cannot be read: %w", name, link.To.ID, err)
	}
	ports := o.(*corev1.Service).Spec.Ports
	if len(ports) != 1 {
		return &members.UsageError{Text: fmt.Sprintf("%s has %s in %s: say which, %[1]s:PORT", name, count(len(ports), "port"), link.To.ID)}
	}
	w.Port = int(ports[0].Port)
	return nil
}
