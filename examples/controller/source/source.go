package source

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/meshpeer/meshpeer/examples/controller/api/v1alpha1"
	"github.com/meshpeer/meshpeer/examples/controller/mesh"
)

// For is where the members of a Mesh come from. Its reads go to c, which is not to be a cache: one would hold credentials.
// The error is for a spec that no change elsewhere can mend.
func For(c client.Reader, membersDir string, m *v1alpha1.Mesh) (mesh.Source, error) {
	switch from := m.Spec.Members; {
	case from.Secrets != nil:
		selector, err := selectorOf(from.Secrets.Selector)
		if err != nil {
			return nil, fmt.Errorf("spec.members.secrets.selector: %w", err)
		}
		return kubeconfigSecrets{c, m.Namespace, selector}, nil
	case from.ClusterProfiles != nil:
		selector, err := selectorOf(from.ClusterProfiles.Selector)
		if err != nil {
			return nil, fmt.Errorf("spec.members.clusterProfiles.selector: %w", err)
		}
		return profiles{c, m.Namespace, selector, from.ClusterProfiles.Provider}, nil
	case from.ConfigMap != nil:
		return configMap{c, m.Namespace, from.ConfigMap.Name}, nil
	case from.File != nil && membersDir == "":
		return nil, errors.New("spec.members.file: this controller was started without -members-dir, so it has no files of members")
	case from.File != nil:
		if name := from.File.Name; name != filepath.Base(name) || strings.HasPrefix(name, ".") {
			return nil, fmt.Errorf("spec.members.file.name %q is not the name of a file in -members-dir", name)
		}
		return file{membersDir, from.File.Name}, nil
	}
	return nil, errors.New("spec.members names no source: set one of secrets, clusterProfiles, configMap, file")
}

// Func is a mesh.Source of one function, for members that come from elsewhere.
type Func func(context.Context) ([]mesh.Member, error)

// Members calls f.
func (f Func) Members(ctx context.Context) ([]mesh.Member, error) { return f(ctx) }

// named is a member and the object that describes it.
type named struct {
	mesh.Member
	by string
}

// each brings the members into the order of their IDs. Of an ID that is there twice nobody can say whose it is: it stays one
// member, with an error.
func each(all []named) []mesh.Member {
	slices.SortStableFunc(all, func(a, b named) int {
		return cmp.Or(cmp.Compare(a.ID.String(), b.ID.String()), cmp.Compare(a.by, b.by))
	})
	members := make([]mesh.Member, 0, len(all))
	for i := 0; i < len(all); {
		same := i + 1
		for same < len(all) && all[same].ID == all[i].ID {
			same++
		}
		m := all[i].Member
		if same > i+1 {
			m = mesh.Member{ID: m.ID, Err: fmt.Errorf("cluster %s is described twice, by %s and by %s: give one of them another %s", m.ID, all[i].by, all[i+1].by, AnnotationID)}
		}
		members, i = append(members, m), same
	}
	return members
}
