//go:build linux

package lab

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Files of a cache entry: the binary, and beside it what a start needs from the modules it was built of.
const (
	binaryName  = "controlplane"
	istioCRDs   = "istio-crds.yaml"
	gatewayCRDs = "gateway-api-crds.yaml"
	// envoyBootstrap is the template of which pilot-agent makes Envoy's configuration.
	envoyBootstrap = "envoy-bootstrap.json"
)

// ControlPlane returns the path of the control plane's binary, as Enter uses it: from EnvBinary, from the user's cache, or
// built now, with progress lines. A program needs it only to fill the cache beforehand.
func ControlPlane(progress io.Writer) (string, error) {
	cache, err := cacheDir()
	if err != nil {
		return "", err
	}
	runtime.LockOSThread() // the go command dies with this thread, and so with the program
	defer runtime.UnlockOSThread()
	return controlPlane(cache, sayTo(progress))
}

func sayTo(w io.Writer) func(string, ...any) {
	return func(format string, args ...any) { fmt.Fprintf(w, "lab: "+format+"\n", args...) }
}

// controlPlane returns the path of the binary, built now if the cache has none for the module's present files.
func controlPlane(cache string, say func(string, ...any)) (string, error) {
	if bin := os.Getenv(EnvBinary); bin != "" {
		if _, err := os.Stat(bin); err != nil {
			return "", fmt.Errorf("lab: %s: %w", EnvBinary, err)
		}
		return filepath.Abs(bin)
	}
	source, err := sourceDir()
	if err != nil {
		return "", err
	}
	key, err := cacheKey(source)
	if err != nil {
		return "", err
	}
	entry := filepath.Join(cache, key)
	bin := filepath.Join(entry, binaryName)
	if _, err := os.Stat(bin); err == nil {
		now := time.Now()
		return bin, os.Chtimes(entry, now, now) // prune keeps what is in use
	}
	release, err := buildLock(cache, say)
	if err != nil {
		return "", err
	}
	defer release()
	if _, err := os.Stat(bin); err == nil {
		return bin, nil // whoever held the lock has built it
	}
	if err := buildEntry(source, entry, say); err != nil {
		return "", fmt.Errorf("lab: build the control plane: %w", err)
	}
	return bin, prune(cache, key)
}

// buildLock keeps a second build of the same user waiting.
func buildLock(cache string, say func(string, ...any)) (release func(), err error) {
	file, err := os.OpenFile(filepath.Join(cache, "build.lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lab: %w", err)
	}
	if unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB) != nil {
		say("another program is building the control plane: waiting for it")
		for err = unix.EINTR; errors.Is(err, unix.EINTR); {
			err = unix.Flock(int(file.Fd()), unix.LOCK_EX)
		}
		if err != nil {
			return nil, errors.Join(fmt.Errorf("lab: build lock: %w", err), file.Close())
		}
	}
	return func() { _ = file.Close() }, nil
}

// buildEntry fills a directory and then renames it: an entry is whole or not there.
func buildEntry(source, entry string, say func(string, ...any)) error {
	if _, err := exec.LookPath("go"); err != nil {
		return fmt.Errorf("%w: %w; install Go, or set %s to a built binary", ErrUnavailable, err, EnvBinary)
	}
	tmp, err := os.MkdirTemp(filepath.Dir(entry), ".build-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	if err := compile(source, filepath.Join(tmp, binaryName), say); err != nil {
		return err
	}
	if err := copyFiles(source, tmp); err != nil {
		return err
	}
	return os.Rename(tmp, entry)
}

// copyFiles takes Istio's chart file and template and the Gateway API's standard channel from the modules that the binary
// was built of.
func copyFiles(source, to string) error {
	for name, from := range map[string]struct{ module, glob string }{
		istioCRDs:      {"istio.io/istio", "manifests/charts/base/files/crd-all.gen.yaml"},
		gatewayCRDs:    {"sigs.k8s.io/gateway-api", "config/crd/standard/*.yaml"},
		envoyBootstrap: {"istio.io/istio", "tools/packaging/common/envoy_bootstrap.json"},
	} {
		dir, err := goCommand(source, "list", "-m", "-f", "{{.Dir}}", from.module).Output()
		if err != nil {
			return fmt.Errorf("find module %s: %w", from.module, err)
		}
		files, err := filepath.Glob(filepath.Join(strings.TrimSpace(string(dir)), filepath.FromSlash(from.glob)))
		if err != nil || len(files) == 0 {
			return fmt.Errorf("module %s has no %s", from.module, from.glob)
		}
		out, err := os.OpenFile(filepath.Join(to, name), os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o644)
		if err != nil {
			return err
		}
		for _, file := range files {
			if err := appendFile(out, file); err != nil {
				return errors.Join(err, out.Close())
			}
		}
		if err := out.Close(); err != nil {
			return err
		}
	}
	return nil
}

func appendFile(out io.Writer, path string) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if filepath.Ext(path) == ".yaml" {
		data = append([]byte("---\n"), append(data, '\n')...)
	}
	_, err = out.Write(data)
	return err
}

// goCommand runs in the module of the binary, untouched by the caller's flags, workspace and target.
func goCommand(dir string, args ...string) *exec.Cmd {
	cmd := exec.Command("go", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=-buildvcs=false", "GOWORK=off", "GOOS=", "GOARCH=", "PWD="+dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	return cmd
}
