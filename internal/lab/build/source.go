//go:build linux

package build

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

// ErrUnavailable is wrapped by the error about a machine that cannot have the binary: no source of it, or no Go.
var ErrUnavailable = errors.New("the control planes cannot be built here")

const labModule = "github.com/meshpeer/meshpeer/internal/lab"

// sourceDir is the folder of the binary's module in that of the lab. The compiler notes where this file is, unless it is
// told not to (-trimpath); then the go command knows, from the module of the working directory.
func sourceDir() (string, error) {
	_, file, _, _ := runtime.Caller(0)
	return locate(filepath.Dir(filepath.Dir(file)), ".")
}

func locate(noted, workingDir string) (string, error) {
	if filepath.IsAbs(noted) && isModule(noted) {
		return filepath.Join(noted, "controlplane"), nil
	}
	list := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", labModule)
	list.Dir = workingDir
	out, err := list.Output()
	if dir := strings.TrimSpace(string(out)); err == nil && isModule(dir) {
		return filepath.Join(dir, "controlplane"), nil
	}
	if filepath.IsAbs(noted) {
		return "", fmt.Errorf("%w: their source is not at %s any more; set %s to a built binary", ErrUnavailable, noted, Env)
	}
	return "", fmt.Errorf("%w: this program was built with -trimpath, and the module of the working directory does not lead to "+
		"their source; start it from a module that requires %s, build it without -trimpath, or set %s to a built binary",
		ErrUnavailable, labModule, Env)
}

func isModule(lab string) bool {
	_, err := os.Stat(filepath.Join(lab, "controlplane", "go.mod"))
	return err == nil
}
