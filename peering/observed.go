package peering

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshpeer/meshpeer/internal/apply"
	"github.com/meshpeer/meshpeer/internal/kube"
	"github.com/meshpeer/meshpeer/rbac"
	"github.com/meshpeer/meshpeer/secrets"
)

// observed is what is there of a link; nil where there is nothing.
type observed struct {
	account, role, binding  Object
	localRole, localBinding Object   // where they are wanted
	strays                  []Object // bindings, then roles of the link in other namespaces, where nothing wants them any more
	accountUID              string
	tokens                  []*corev1.Secret // of this link in To, every generation

	secret  *corev1.Secret // the remote secret in From
	adopted bool           // it is somebody else's, to be taken over
	foreign string         // it is this owner's, and only looked at
	ref     secrets.Ref    // of the token in it, as its record says
	shared  secrets.Remote // what istiod finds in it under To's ID
	useless string         // why it finds nothing of use; "" if it does
	old     *corev1.Secret // the object behind an adopted credential, proved to be that

	abandoned bool   // an earlier run began here and did not finish
	stale     string // why the shared credential must be replaced; "" if it is good
}

// observe finds out what is there, in the snapshots of both clusters.
func (t *task) observe(ctx context.Context) *Error {
	if t.to.err == nil {
		if err := t.observeTo(ctx); err != nil {
			return t.failed(StageRead, t.To.ID, err)
		}
	}
	if t.from.err == nil {
		if err := t.observeFrom(); err != nil {
			return t.failed(StageRead, t.From.ID, err)
		}
	}
	t.seen.shared, t.seen.useless = t.readShared()
	return nil
}

// observeTo looks for the link's objects in To. One of their names in foreign hands ends the link here.
func (t *task) observeTo(ctx context.Context) error {
	account, err := t.to.find(ctx, &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: t.want.reader.namespace, Name: t.want.reader.name}})
	if err != nil {
		return err
	}
	if account != nil {
		t.seen.account, t.seen.accountUID = account, string(account.GetUID())
	}
	if t.Account == nil {
		if err := t.observeRoles(ctx); err != nil {
			return err
		}
	} else if account == nil && t.goal == Present {
		return fmt.Errorf("ServiceAccount %s does not exist: create it, or let each link have its own reader", t.want.reader)
	}
	t.seen.tokens, err = t.to.tokens(ctx, t.Link, t.want.reader.namespace)
	return err
}

// tokens of the link, in the order of their names.
func (s *snapshot) tokens(ctx context.Context, l Link, namespace string) (all []*corev1.Secret, err error) {
	if table := s.tables["Secret"]; table != nil && table.listed {
		for _, o := range table.byLink[l.From.ID.String()] {
			if apply.Owns(o, l.labels()) {
				all = append(all, o.(*corev1.Secret))
			}
		}
	} else if all, err = kube.ListAs(ctx, s.objects, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: namespace}}, l.selector()); err != nil {
		return nil, err
	}
	slices.SortFunc(all, func(a, b *corev1.Secret) int { return cmp.Compare(a.Name, b.Name) })
	return all, nil
}

// observeRoles reads the roles and bindings of the link in To. The ClusterRole tells in which namespaces there may be Roles:
// those of an earlier call with another profile or another namespace are found by it.
func (t *task) observeRoles(ctx context.Context) (err error) {
	if err := t.checkSystemNamespace(ctx); err != nil {
		return err
	}
	slots := []*Object{&t.seen.account, &t.seen.role, &t.seen.binding, &t.seen.localRole, &t.seen.localBinding}
	for i, want := range t.want.objects.all() {
		if i > 0 {
			if *slots[i], err = t.to.find(ctx, want); err != nil {
				return err
			}
		}
		if live := *slots[i]; live != nil && !apply.Owns(live, t.labels()) {
			return &ForeignObjectError{Object: apply.Name(live), Owner: apply.Owner(live)}
		}
	}
	if len(t.from.istiods) == 0 && t.goal != Absent {
		if text := t.keepUnseen(&t.want.objects, t.seen.role, t.seen.localRole); text != "" {
			t.warn(text)
		}
	}
	return t.observeStrays(ctx)
}

// checkSystemNamespace looks, where the Role needs a namespace of its own, whether To has it. To may have none of the name of
// From's; where the caller may not ask, the creation will tell.
func (t *task) checkSystemNamespace(ctx context.Context) error {
	role := t.want.objects.localRole
	if role == nil || t.goal == Absent || role.Namespace == t.want.reader.namespace {
		return nil
	}
	found, err := t.to.find(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: role.Namespace}})
	if err != nil && !apierrors.IsForbidden(err) {
		return err
	}
	if err == nil && found == nil {
		return fmt.Errorf("namespace %s does not exist: From's istiod looks there for the mesh configuration of this cluster, and its reader needs a Role there; "+
			"create the namespace, or use another profile than %s", role.Namespace, rbac.Minimal)
	}
	return nil
}

// observeStrays finds Roles and RoleBindings of the link where none is wanted, and notes the namespaces on the ClusterRole.
func (t *task) observeStrays(ctx context.Context) error {
	namespaces := map[string]bool{}
	if t.seen.role != nil {
		for namespace := range strings.SplitSeq(t.seen.role.GetAnnotations()[AnnotationLocalRoles], ",") {
			namespaces[namespace] = true
		}
	}
	wanted := ""
	if role := t.want.objects.localRole; role != nil {
		wanted = role.Namespace
		namespaces[wanted] = true
	}
	delete(namespaces, "")
	guess := "" // where one may be if the ClusterRole is gone: no reason to fail for want of rights
	if system := t.systemNamespace(t.From); t.goal == Absent && !namespaces[system] {
		guess, namespaces[system] = system, true
	}
	var roles []Object
	for _, namespace := range slices.Sorted(maps.Keys(namespaces)) {
		if namespace == wanted {
			continue
		}
		meta := metav1.ObjectMeta{Namespace: namespace, Name: t.reader()}
		for _, slot := range []struct {
			like Object
			into *[]Object
		}{{&rbacv1.RoleBinding{ObjectMeta: meta}, &t.seen.strays}, {&rbacv1.Role{ObjectMeta: meta}, &roles}} {
			found, err := t.to.find(ctx, slot.like)
			if err != nil && !(namespace == guess && apierrors.IsForbidden(err)) {
				return err
			}
			if err == nil && found != nil && apply.Owns(found, t.labels()) {
				*slot.into = append(*slot.into, found)
			}
		}
	}
	t.seen.strays = append(t.seen.strays, roles...)
	if role := t.want.objects.role; len(namespaces) > 0 && t.goal != Absent {
		annotations := maps.Clone(role.Annotations)
		if annotations == nil {
			annotations = map[string]string{}
		}
		annotations[AnnotationLocalRoles] = strings.Join(slices.Sorted(maps.Keys(namespaces)), ",")
		role.Annotations = annotations
	}
	return nil
}

// observeFrom looks for the link's remote secret, and for another one that already names To.
func (t *task) observeFrom() error {
	var foreign []*corev1.Secret
	for _, s := range t.from.remotesFor(t.To.ID) {
		if _, names := s.Data[t.To.ID.String()]; apply.Owns(s, t.labels()) {
			t.seen.secret = s
		} else if names || s.Name == secrets.SecretName(t.To.ID.String()) {
			foreign = append(foreign, s)
		}
	}
	if t.seen.secret != nil {
		_ = json.Unmarshal([]byte(t.seen.secret.Annotations[AnnotationCredential]), &t.seen.ref) // unreadable: the token is judged stale
	}
	if len(foreign) > 0 {
		return t.observeForeign(foreign)
	}
	return nil
}

// observeForeign deals with Secrets of others for the same cluster: one may be adopted, or looked at, if ours is not there.
func (t *task) observeForeign(foreign []*corev1.Secret) error {
	s := foreign[0]
	alone := len(foreign) == 1 && t.seen.secret == nil
	switch {
	case t.goal == Absent:
		return nil // theirs stays, whatever it names
	case t.goal == verified && alone && adoptable(t.To.ID, s) == nil:
		t.seen.secret, t.seen.foreign = s, apply.Owner(s)
		return nil
	case t.Adopt != AdoptNone && t.goal != verified && alone:
		t.seen.secret, t.seen.adopted = s, true
		return adoptable(t.To.ID, s)
	}
	may := alone && adoptable(t.To.ID, s) == nil
	if s.Name == secrets.SecretName(t.To.ID.String()) {
		return &ForeignObjectError{Object: apply.Name(s), Owner: apply.Owner(s), Adoptable: may}
	}
	return &DuplicateClusterError{Cluster: t.To.ID, Secret: line(s.Namespace + "/" + s.Name), Owner: apply.Owner(s), Adoptable: may}
}

// readShared is what istiod finds in the remote secret under To's ID; else why it finds nothing of use.
func (t *task) readShared() (secrets.Remote, string) {
	if t.seen.secret == nil {
		return secrets.Remote{}, "there is no remote secret yet"
	}
	remotes, err := secrets.Parse(t.seen.secret)
	if err != nil {
		return secrets.Remote{}, "istiod would refuse the remote secret"
	}
	for _, r := range remotes {
		if r.Cluster == t.To.ID.String() && r.Credential == "" {
			return r, ""
		}
	}
	return secrets.Remote{}, "the remote secret holds no token for " + t.To.ID.String()
}
