//go:build linux

package envoy

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// Env names the environment variable with the path of an Envoy.
const Env = "ENVOY"

// Find returns the path of an Envoy; progress is told before something is downloaded. An error says in one sentence how
// to provide one.
func Find(ctx context.Context, cache string, progress func(string, ...any)) (string, error) {
	if path := os.Getenv(Env); path != "" {
		if _, err := os.Stat(path); err != nil {
			return "", fmt.Errorf("envoy: %s: %w", Env, err)
		}
		return filepath.Abs(path)
	}
	if path, err := exec.LookPath("envoy"); err == nil {
		return filepath.Abs(path)
	}
	path, err := fetch(ctx, cache, progress)
	if err != nil {
		return "", fmt.Errorf("envoy: no Envoy in PATH, and %w; set %s to the path of an Envoy %s or later", err, Env, version)
	}
	return path, nil
}
