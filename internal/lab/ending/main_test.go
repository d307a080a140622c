//go:build linux

package ending_test

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"testing"
	"time"

	"github.com/meshpeer/meshpeer/internal/lab"
)

// envProgram turns the test binary into the program under test; its value says what that does inside.
const envProgram = "MESHPEER_LAB_TEST_PROGRAM"

const (
	entersOnly = "enter"   // exits with code 7 when it is told to
	startsLab  = "start"   // keeps one cluster until a signal comes
	startsAll  = "istiods" // the same with the default lab
)

func TestMain(m *testing.M) {
	if what := os.Getenv(envProgram); what != "" {
		os.Exit(program(what))
	}
	began := time.Now()
	code := m.Run()
	fmt.Fprintf(os.Stderr, "ending: %.0f s, waiting for other labs included; the budget is 120 s\n", time.Since(began).Seconds())
	os.Exit(code)
}

func program(what string) int {
	if err := lab.Enter(lab.EnterOptions{}); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	dir, loopback := "", os.Getpid() != 1
	if what != entersOnly {
		options := lab.Options{Clusters: []lab.ClusterOptions{{ID: "one", NoIstiod: true}}}
		if what == startsAll {
			options = lab.Options{}
		}
		l, err := lab.Start(ctx, options)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer l.Close()
		dir, loopback = l.Dir, l.Loopback
	}
	fmt.Printf("ready %t %d %s\n", loopback, os.Getuid(), dir)
	<-ctx.Done()
	if what == entersOnly {
		return 7
	}
	return 0
}
