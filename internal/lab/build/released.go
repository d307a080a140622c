//go:build linux

package build

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"

	"github.com/meshpeer/meshpeer/internal/lab/store"
)

const istioModule = "istio.io/istio"

// releasedMain is the program that each release is compiled into.
//
//go:embed istio.go.txt
var releasedMain []byte

// LookRelease finds the binary of a release in the store directory cache: istiod, pilot-agent and istioctl of this version.
func LookRelease(cache string, r Release) (Binary, error) {
	if r.Default() {
		return Look(cache)
	}
	hash := sha256.New()
	fmt.Fprintf(hash, "%s %s %s %q %q\n", runtime.Version(), runtime.GOOS, runtime.GOARCH, how(), r)
	hash.Write(releasedMain)
	key := "istio-" + r.Name + "-" + hex.EncodeToString(hash.Sum(nil))[:16]
	b := Binary{
		entry: store.Entry{Dir: filepath.Join(cache, key), Program: Name}, cache: cache, what: "Istio " + r.Name,
		unpack: r.module, compile: compile, assemble: assemble,
	}
	return b.found(), nil
}

// module writes the module of which the release's binary is compiled: the release's own go.mod and go.sum under another
// name, with the release as one more requirement. So every dependency is of the version, and has the checksum, that the
// release was made and tested with; there is nothing to resolve, and nothing to keep here but the two checksums.
func (r Release) module(dir string) error {
	out, err := goCommand(dir, "mod", "download", "-json", istioModule+"@"+r.Module).Output()
	var got struct{ Dir, Sum, GoModSum, Error string }
	if unread := json.Unmarshal(out, &got); unread != nil {
		return fmt.Errorf("go mod download: %w", errors.Join(err, unread))
	}
	if got.Error != "" {
		return fmt.Errorf("go mod download: %s", got.Error)
	}
	if got.Sum != r.Sum || got.GoModSum != r.ModSum {
		return fmt.Errorf("module %s@%s is not what it was: its checksums are %s and %s, not %s and %s",
			istioModule, r.Module, got.Sum, got.GoModSum, r.Sum, r.ModSum)
	}
	mod, err := os.ReadFile(filepath.Join(got.Dir, "go.mod"))
	if err != nil {
		return err
	}
	heading := []byte("module " + istioModule + "\n")
	if !bytes.HasPrefix(mod, heading) {
		return fmt.Errorf("module %s@%s: its go.mod does not begin with its name", istioModule, r.Module)
	}
	sum, err := os.ReadFile(filepath.Join(got.Dir, "go.sum"))
	if err != nil {
		return err
	}
	mod = fmt.Appendf([]byte("module meshpeer.lab/istio\n"), "%s\nrequire %s %s\n", mod[len(heading):], istioModule, r.Module)
	sum = fmt.Appendf(sum, "%[1]s %[2]s %[3]s\n%[1]s %[2]s/go.mod %[4]s\n", istioModule, r.Module, r.Sum, r.ModSum)
	for name, data := range map[string][]byte{"go.mod": mod, "go.sum": sum, "main.go": releasedMain} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			return err
		}
	}
	return nil
}
