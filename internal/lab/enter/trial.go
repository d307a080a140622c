//go:build linux

package enter

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"

	"github.com/meshpeer/meshpeer/internal/lab/network"
	"github.com/meshpeer/meshpeer/internal/lab/nft"
)

// kernel is what this machine's kernel lets the program have.
type kernel struct {
	// attr makes the namespaces; nil: there are none, use loopback.
	attr *syscall.SysProcAttr
	// refusal says why there are no namespaces, although they were asked for.
	refusal error
	// filter says why Pods cannot have their traffic redirected and forwarded.
	filter error
}

// tryKernel finds out by trial, as root directly and else through a user namespace.
func tryKernel() kernel {
	var refusals []error
	for _, user := range []bool{false, true} {
		if !user && os.Geteuid() != 0 {
			continue
		}
		filter, err := tryNamespaces(namespaceAttr(user))
		if err == nil {
			return kernel{attr: namespaceAttr(user), filter: filter}
		}
		refusals = append(refusals, err)
	}
	return kernel{refusal: fmt.Errorf("this machine gives no namespaces (%s)", oneLine(errors.Join(refusals...)))}
}

func oneLine(err error) string { return strings.ReplaceAll(err.Error(), "\n", "; ") }

func namespaceAttr(user bool) *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWNET | syscall.CLONE_NEWNS | syscall.CLONE_NEWPID | syscall.CLONE_NEWUTS,
	}
	if user {
		attr.Cloneflags |= syscall.CLONE_NEWUSER
		attr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Geteuid(), Size: 1}}
		attr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getegid(), Size: 1}}
	}
	return attr
}

// tryNamespaces runs this program's trial in namespaces made with attr. It prints what a data plane lacks.
func tryNamespaces(attr *syscall.SysProcAttr) (filter, err error) {
	cmd := exec.Command("/proc/self/exe")
	cmd.Args = os.Args
	cmd.Env = append(os.Environ(), envStage+"="+stageTrial)
	cmd.SysProcAttr = attr
	attr.Pdeathsig = syscall.SIGKILL
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	err = cmd.Run()
	if text := strings.TrimSpace(said.String()); err != nil && text != "" {
		return nil, errors.New(text)
	}
	if text := strings.TrimSpace(out.String()); err == nil && text != "" {
		filter = errors.New(text)
	}
	return filter, err
}

// trial does once what the lab needs namespaces for: mount /proc, a bridge with a pod on it, and the packet filter.
func trial() int {
	filter, err := tryAll()
	if err != nil {
		fmt.Fprintln(os.Stderr, strings.TrimPrefix(err.Error(), "lab: "))
		return 1
	}
	if filter != nil {
		fmt.Println(oneLine(filter))
	}
	return 0
}

func tryAll() (filter, err error) {
	if err := furnish(); err != nil {
		return nil, err
	}
	bridge, err := network.New(network.MaxClusters, false)
	if err != nil {
		return nil, err
	}
	pod, err := bridge.Pod(1)
	if err != nil {
		return nil, err
	}
	if err := bridge.Open(false); err != nil {
		filter = fmt.Errorf("traffic between Pods cannot be kept apart (nf_tables, ip_forward): %w", err)
	} else if err := (nft.Redirect{Outbound: 15001, Inbound: 15006}).Apply(pod.Namespace()); err != nil {
		filter = fmt.Errorf("a Pod's traffic cannot be sent through its sidecar (nf_tables): %w", err)
	}
	return filter, bridge.Close()
}
