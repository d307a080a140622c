//go:build linux

// Command run starts the default lab, prints where its clusters are, and keeps it until Ctrl-C. With arguments it runs
// them as a command inside instead, with KUBECONFIG naming the clusters' files, and exits with its code:
//
//	go run ./run -dataplane kubectl --context cluster-2 get pods -A
//
// With -dataplane there are Pods, sidecars and gateways too.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"

	"github.com/meshpeer/meshpeer/internal/lab"
)

func main() {
	if err := lab.Enter(lab.EnterOptions{}); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	dataplane := flag.Bool("dataplane", false, "run Pods, sidecars and east-west gateways too")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	options := lab.Options{Progress: func(line string) { fmt.Fprintln(os.Stderr, line) }}
	if *dataplane {
		options.DataPlane = &lab.DataPlane{}
	}
	os.Exit(run(ctx, options, flag.Args()))
}

func run(ctx context.Context, options lab.Options, command []string) int {
	l, err := lab.Start(ctx, options)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer l.Close()
	var kubeconfigs []string
	for _, c := range l.Clusters {
		kubeconfigs = append(kubeconfigs, c.Kubeconfig)
	}
	joined := strings.Join(kubeconfigs, ":")
	if len(command) == 0 {
		fmt.Printf("KUBECONFIG=%s\n", joined)
		<-ctx.Done()
		return 0
	}
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Env = append(os.Environ(), "KUBECONFIG="+joined)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	err = cmd.Run()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit):
		return exit.ExitCode()
	default:
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
}
