//go:build linux

package build

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// assemble takes Istio's chart file and template and the Gateway API's standard channel from the modules that the binary
// was built of.
func assemble(source, to string) error {
	for name, from := range map[string]struct{ module, glob string }{
		IstioCRDs:      {"istio.io/istio", "manifests/charts/base/files/crd-all.gen.yaml"},
		GatewayCRDs:    {"sigs.k8s.io/gateway-api", "config/crd/standard/*.yaml"},
		EnvoyBootstrap: {"istio.io/istio", "tools/packaging/common/envoy_bootstrap.json"},
	} {
		dir, err := goCommand(source, "list", "-m", "-f", "{{.Dir}}", from.module).Output()
		if err != nil {
			return fmt.Errorf("find module %s: %w%s", from.module, err, stderrOf(err))
		}
		files, err := filepath.Glob(filepath.Join(strings.TrimSpace(string(dir)), filepath.FromSlash(from.glob)))
		if err != nil || len(files) == 0 {
			return fmt.Errorf("module %s has no %s", from.module, from.glob)
		}
		if err := join(filepath.Join(to, name), files); err != nil {
			return err
		}
	}
	return nil
}

func join(to string, files []string) error {
	out, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	for _, file := range files {
		if err := appendFile(out, file); err != nil {
			return errors.Join(err, out.Close())
		}
	}
	return out.Close()
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
