//go:build linux

package ending_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/meshpeer/meshpeer/internal/lab"
	"golang.org/x/sys/unix"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	"k8s.io/klog/v2"
)

// envProgram turns the test binary into the program under test; its value says what that does inside.
const envProgram = "MESHPEER_LAB_TEST_PROGRAM"

const (
	entersOnly = "enter"   // exits with code 7 when it is told to
	startsLab  = "start"   // keeps one cluster until a signal comes
	startsAll  = "istiods" // the same with the default lab
	logsErrors = "klog"    // writes to client-go's log, then as entersOnly
	noFilter   = "filter"  // on a kernel without nf_tables, then as startsLab with a data plane
	runsTests  = "tests"   // the TestMain of a suite with one test
)

// allSaid is the last line of a program's standard error before it is ready: what it said before has been read then.
const allSaid = "ending: that is all"

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
	switch what {
	case runsTests:
		return lab.RunTests(oneTest{})
	case noFilter:
		if err := forbidNetfilter(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	if err := lab.Enter(lab.EnterOptions{}); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	if what == logsErrors {
		klog.ErrorS(errors.New("read"), "Unexpected error when reading response body")
		klog.Warning("a warning")
		utilruntime.HandleError(errors.New("watch"))
		what = entersOnly
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	dir, loopback := "", os.Getpid() != 1
	if what != entersOnly {
		options := lab.Options{Clusters: []lab.ClusterOptions{{ID: "one", NoIstiod: true}}}
		if what == startsAll {
			options = lab.Options{}
		}
		if what == noFilter {
			options.DataPlane = &lab.DataPlane{}
		}
		l, err := lab.Start(ctx, options)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer l.Close()
		dir, loopback = l.Dir, l.Loopback
		if what == noFilter {
			fmt.Fprintln(os.Stderr, l.DataPlaneErr())
		}
	}
	fmt.Fprintln(os.Stderr, allSaid)
	fmt.Printf("ready %t %d %s\n", loopback, os.Getuid(), dir)
	<-ctx.Done()
	if what == entersOnly {
		return 7
	}
	return 0
}

// oneTest is a suite whose only test wants a lab.
type oneTest struct{}

func (oneTest) Run() int {
	var t verdict
	lab.Require(&t)
	fmt.Fprintln(os.Stderr, allSaid)
	fmt.Printf("ready %t %d skipped=%q failed=%q\n", true, os.Getuid(), t.skipped, t.failed)
	return 0
}

// verdict stands for a *testing.T.
type verdict struct{ skipped, failed string }

func (v *verdict) Helper()           {}
func (v *verdict) Skip(args ...any)  { v.skipped = fmt.Sprint(args...) }
func (v *verdict) Fatal(args ...any) { v.failed = fmt.Sprint(args...) }

// forbidNetfilter makes socket(2) answer for AF_NETLINK, NETLINK_NETFILTER as a kernel without nf_tables does: seccomp(2).
func forbidNetfilter() error {
	const (
		load, equal, answer = unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, unix.BPF_RET | unix.BPF_K
		call, first, third  = 0, 16, 32 // offsets in struct seccomp_data
		allow, refuse       = 0x7fff0000, 0x00050000
	)
	filter := []unix.SockFilter{
		{Code: load, K: call},
		{Code: equal, K: unix.SYS_SOCKET, Jf: 5},
		{Code: load, K: first},
		{Code: equal, K: unix.AF_NETLINK, Jf: 3},
		{Code: load, K: third},
		{Code: equal, K: unix.NETLINK_NETFILTER, Jf: 1},
		{Code: answer, K: refuse | uint32(unix.EPROTONOSUPPORT)},
		{Code: answer, K: allow},
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return err
	}
	program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	_, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_TSYNC, uintptr(unsafe.Pointer(&program)))
	if errno != 0 {
		return errno
	}
	return nil
}
