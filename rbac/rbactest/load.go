package rbactest

import (
	"io"
	"os"

	"github.com/meshpeer/meshpeer/rbac"
)

// Load reads the policy of manifest files, such as what helm template or kustomize build printed (see [rbac.Load]). It
// ends the test at a file that cannot be read, at one that an API server would refuse, and at files without a role.
func Load(tb TB, files ...string) *rbac.Policy {
	tb.Helper()
	return LoadIn(tb, "", files...)
}

// LoadIn is [Load] for objects that helm install -n or kubectl apply -n puts into a namespace: those that name none go there.
func LoadIn(tb TB, namespace string, files ...string) *rbac.Policy {
	tb.Helper()
	streams := make([]io.Reader, 0, len(files))
	for _, name := range files {
		file, err := os.Open(name)
		if err != nil {
			tb.Fatalf("rbactest: %v", err)
			return nil
		}
		defer file.Close()
		streams = append(streams, file)
	}
	p, err := rbac.Loader{Namespace: namespace}.Load(streams...)
	if err != nil {
		tb.Fatalf("%v", err)
		return nil
	}
	if len(p.Objects()) == 0 {
		tb.Fatalf("rbactest: %v hold no role and no binding: whatever is asked of them is denied", files)
		return nil
	}
	return p
}
