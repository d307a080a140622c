package peering_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/peering/istiod"
	"github.com/meshpeer/meshpeer/peering/peeringtest"
	"github.com/meshpeer/meshpeer/probe"
	"github.com/meshpeer/meshpeer/rbac"
)

func minimal() *peering.Peering {
	return &peering.Peering{Reader: rbac.Options{Profile: rbac.Minimal}}
}

func localRole(t *testing.T, m *peeringtest.Member, namespace string) *rbacv1.Role {
	t.Helper()
	o, err := m.Get(t.Context(), &rbacv1.Role{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "meshpeer-reader-east"}})
	require.NoError(t, err)
	return o.(*rbacv1.Role)
}

func localBinding(t *testing.T, m *peeringtest.Member, namespace string) *rbacv1.RoleBinding {
	t.Helper()
	o, err := m.Get(t.Context(), &rbacv1.RoleBinding{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "meshpeer-reader-east"}})
	require.NoError(t, err)
	return o.(*rbacv1.RoleBinding)
}

// configMaps are those that the reader may list, or "all".
func configMaps(t *testing.T, m *peeringtest.Member) []string {
	t.Helper()
	if rbac.Allows(clusterRole(t, m, "meshpeer-reader-east").Rules, rbac.Access{Verb: "list", Resource: "configmaps"}) {
		return []string{"all"}
	}
	roles, err := m.List(t.Context(), &rbacv1.Role{}, "")
	require.NoError(t, err)
	var names []string
	for _, o := range roles {
		for _, name := range o.(*rbacv1.Role).Rules[0].ResourceNames {
			names = append(names, o.GetNamespace()+"/"+name)
		}
	}
	return names
}

func TestMinimalReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, east, west, link := pair()
		p := minimal()
		report, err := p.Ensure(t.Context(), link)
		require.NoError(t, err)
		require.Equal(t, probe.Passed, report.Status())
		require.LessOrEqual(t, writes(west)+writes(east), 8, "the budget of a link with this profile")
		require.Equal(t, []string{"istio-system/istio"}, configMaps(t, west))
		for _, o := range []peering.Object{localRole(t, west, "istio-system"), localBinding(t, west, "istio-system")} {
			require.Equal(t, "east", o.GetLabels()[peering.LabelFrom])
			require.Equal(t, "west", o.GetLabels()[peering.LabelTo])
			require.Equal(t, peering.ManagedBy, o.GetLabels()[peering.LabelManagedBy])
			require.NotEmpty(t, o.GetAnnotations()[peering.AnnotationRun])
		}
		require.Equal(t, "istio-system", clusterRole(t, west, "meshpeer-reader-east").Annotations[peering.AnnotationLocalRoles])

		before := writes(west) + writes(east)
		again, err := p.Ensure(t.Context(), link)
		require.NoError(t, err)
		require.False(t, again.Changed())
		require.Equal(t, before, writes(west)+writes(east))

		_, err = p.Rotate(t.Context(), link)
		require.NoError(t, err)
		_, err = p.Remove(t.Context(), link)
		require.NoError(t, err)
		require.Empty(t, contents(t, west))
		require.Empty(t, contents(t, east))
	})
}

// What the reader may read follows the versions and revisions of From's istiods.
func TestMinimalReaderOfEachIstiod(t *testing.T) {
	for name, tc := range map[string]struct {
		set  func(*peeringtest.Istiods)
		o    rbac.Options
		want []string
	}{
		"1.28":              {func(i *peeringtest.Istiods) { i.SetVersion("1.28.3") }, rbac.Options{}, nil},
		"1.26":              {func(i *peeringtest.Istiods) { i.SetVersion("1.26.1") }, rbac.Options{}, []string{"all"}},
		"no version":        {func(i *peeringtest.Istiods) { i.SetVersion("latest") }, rbac.Options{}, []string{"istio-system/istio"}},
		"default revision":  {func(i *peeringtest.Istiods) { i.SetRevision("istiod-1", "default") }, rbac.Options{}, []string{"istio-system/istio"}},
		"a revision":        {func(i *peeringtest.Istiods) { i.SetRevision("istiod-1", "1-31") }, rbac.Options{}, []string{"istio-system/istio-1-31"}},
		"named by options":  {func(i *peeringtest.Istiods) { i.SetRevision("istiod-1", "b") }, rbac.Options{Revisions: []string{"a", "b"}}, []string{"istio-system/istio-a", "istio-system/istio-b"}},
		"several revisions": {func(i *peeringtest.Istiods) { i.Scale("istiod-1", "istiod-2"); i.SetRevision("istiod-2", "canary") }, rbac.Options{}, []string{"istio-system/istio", "istio-system/istio-canary"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				_, east, west, link := pair()
				tc.set(east.Istiods)
				tc.o.Profile = rbac.Minimal
				p := &peering.Peering{Reader: tc.o}
				report, err := p.Ensure(t.Context(), link)
				require.NoError(t, err)
				require.Equal(t, probe.Passed, report.Links[0].Results[0].Status, "%+v", report.Links[0].Results)
				require.Equal(t, tc.want, configMaps(t, west))
				again, err := p.Ensure(t.Context(), link)
				require.NoError(t, err)
				require.False(t, again.Changed())
			})
		})
	}
}

// What an istiod needed that cannot be seen now is not taken from the reader: it may be on its way back.
func TestMinimalReaderWhileNoIstiodIsSeen(t *testing.T) {
	for name, tc := range map[string]struct {
		set   func(*peeringtest.Istiods)
		again rbac.Options
		want  []string
	}{
		"a revision":      {func(i *peeringtest.Istiods) { i.SetRevision("istiod-1", "canary") }, rbac.Options{}, []string{"istio-system/istio-canary"}},
		"1.26":            {func(i *peeringtest.Istiods) { i.SetVersion("1.26.1") }, rbac.Options{}, []string{"all"}},
		"told a revision": {func(i *peeringtest.Istiods) { i.SetRevision("istiod-1", "canary") }, rbac.Options{Revisions: []string{"next"}}, []string{"istio-system/istio-next"}},
		"told a version":  {func(i *peeringtest.Istiods) { i.SetVersion("1.26.1") }, rbac.Options{IstioVersion: "1.31"}, []string{"istio-system/istio"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				_, east, west, link := pair()
				tc.set(east.Istiods)
				_, err := minimal().Ensure(t.Context(), link)
				require.NoError(t, err)
				east.Istiods.Scale()
				tc.again.Profile = rbac.Minimal
				p := &peering.Peering{Reader: tc.again}
				for range 2 {
					_, err = p.Ensure(t.Context(), link)
					require.NoError(t, err)
					require.Equal(t, tc.want, configMaps(t, west))
				}
				_, err = p.Remove(t.Context(), link)
				require.NoError(t, err)
				require.Empty(t, contents(t, west))
			})
		})
	}
	synctest.Test(t, func(t *testing.T) { // what the role had for another reason goes
		_, east, west, link := pair()
		_, err := new(peering.Peering).Ensure(t.Context(), link)
		require.NoError(t, err)
		east.Istiods.Scale()
		_, err = minimal().Ensure(t.Context(), link)
		require.NoError(t, err)
		require.Equal(t, []string{"istio-system/istio"}, configMaps(t, west))
		require.NotContains(t, clusterRole(t, west, "meshpeer-reader-east").Rules[0].Verbs, "get")
	})
}

// replicas is a peering.SyncReader whose istiods differ.
type replicas []istiod.Replica

func (r replicas) Replicas(context.Context) ([]istiod.Replica, error) { return r, nil }

// A canary of another version gets what it needs too.
func TestMinimalReaderOfSeveralVersions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, east, west, link := pair()
		all, err := east.Istiods.Replicas(t.Context())
		require.NoError(t, err)
		old, canary := all[0], all[0]
		old.Name, old.Version = "istiod-0", "1.28.0"
		canary.Name, canary.Version, canary.Revision = "istiod-9", "1.31.0", "canary"
		for _, order := range []replicas{{old, canary}, {canary, old}} {
			east.Cluster.Istiods = order
			_, err := minimal().Ensure(t.Context(), link)
			require.NoError(t, err)
			require.Equal(t, []string{"istio-system/istio", "istio-system/istio-canary"}, configMaps(t, west))
			_, err = minimal().Remove(t.Context(), link)
			require.NoError(t, err)
		}
	})
}

func TestUnknownRevisionsAreWarnedOf(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, east, _, link := pair()
		east.Istiods.Scale()
		plan, err := minimal().Plan(t.Context(), peering.Present, link)
		require.NoError(t, err)
		require.Contains(t, fmt.Sprint(plan.Links[0].Warnings), "set Reader.Revisions")
		p := minimal()
		p.Reader.Revisions = []string{"canary"}
		plan, err = p.Plan(t.Context(), peering.Present, link)
		require.NoError(t, err)
		require.NotContains(t, fmt.Sprint(plan.Links[0].Warnings), "Revisions")
	})
}

// The system namespace is that of From's istiods, whatever the namespace of the account in To is.
func TestMinimalReaderInTheSystemNamespaceOfFrom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, east, west, link := pair()
		east.Cluster.Namespace = "istio-prod"
		plan, err := minimal().Plan(t.Context(), peering.Present, link)
		require.NoError(t, err)
		require.ErrorContains(t, plan.Links[0].Error, "namespace istio-prod does not exist")

		must(t, west, namespace("istio-prod"))
		plan, err = minimal().Plan(t.Context(), peering.Present, link)
		require.NoError(t, err)
		require.Nil(t, plan.Links[0].Error)
		var objects []string
		for _, s := range plan.Steps() {
			objects = append(objects, s.Object)
		}
		require.Contains(t, objects, "Role/istio-prod/meshpeer-reader-east")
		require.Contains(t, objects, "RoleBinding/istio-prod/meshpeer-reader-east")
		require.Contains(t, objects, "ServiceAccount/istio-system/meshpeer-reader-east")
		require.Equal(t, 1, writes(west), "the namespace, by us")
	})
}

func namespace(name string) *corev1.Namespace {
	return &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}
}

// Roles of an earlier call go when another profile or namespace is asked for, and Remove finds them whatever it is told.
func TestLocalRolesAreNotLeft(t *testing.T) {
	elsewhere := minimal()
	elsewhere.Reader.SystemNamespace = "mesh"
	for name, next := range map[string]struct {
		p        *peering.Peering
		want     []string
		bindings int
	}{
		"another profile":   {new(peering.Peering), []string{"all"}, 0},
		"another namespace": {elsewhere, []string{"mesh/istio"}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				_, _, west, link := pair()
				must(t, west, namespace("mesh"))
				_, err := minimal().Ensure(t.Context(), link)
				require.NoError(t, err)
				_, err = next.p.Ensure(t.Context(), link)
				if name == "another profile" { // the istiods in memory run in istio-system
					require.NoError(t, err)
				}
				require.Equal(t, next.want, configMaps(t, west))
				bindings, err := west.List(t.Context(), &rbacv1.RoleBinding{}, "")
				require.NoError(t, err)
				require.Len(t, bindings, next.bindings)
				again, _ := next.p.Ensure(t.Context(), link)
				require.False(t, again.Changed(), "%+v", again.Links[0].Changes)
			})
			synctest.Test(t, func(t *testing.T) {
				_, east, west, link := pair()
				must(t, west, namespace("mesh"))
				_, _ = next.p.Ensure(t.Context(), link)
				_, err := minimal().Ensure(t.Context(), link)
				require.NoError(t, err)
				_, err = new(peering.Peering).Remove(t.Context(), link)
				require.NoError(t, err)
				require.Empty(t, contents(t, west))
				require.Empty(t, contents(t, east))
			})
		})
	}
}

func TestRemoveFindsALocalRoleWithoutItsClusterRole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, _, west, link := pair()
		_, err := minimal().Ensure(t.Context(), link)
		require.NoError(t, err)
		require.NoError(t, west.Delete(t.Context(), clusterRole(t, west, "meshpeer-reader-east")))
		_, err = new(peering.Peering).Remove(t.Context(), link)
		require.NoError(t, err)
		require.Empty(t, contents(t, west))
	})
}

// A caller with the rights that other profiles need removes what they made.
func TestRemoveWithoutRightsOnRoles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, _, west, link := pair()
		west.Before = func(c peeringtest.Call) error {
			if c.Kind == "Role" || c.Kind == "RoleBinding" {
				return apierrors.NewForbidden(schema.GroupResource{Resource: c.Kind}, c.Name, errors.New("no"))
			}
			return nil
		}
		_, err := new(peering.Peering).Ensure(t.Context(), link)
		require.NoError(t, err)
		_, err = new(peering.Peering).Remove(t.Context(), link)
		require.NoError(t, err)
		require.Empty(t, contents(t, west))

		west.Before = nil
		_, err = minimal().Ensure(t.Context(), link)
		require.NoError(t, err)
		west.Before = func(c peeringtest.Call) error {
			if (c.Verb == "get" || c.Verb == "list") && c.Kind == "Role" {
				return apierrors.NewForbidden(schema.GroupResource{Resource: c.Kind}, c.Name, errors.New("no"))
			}
			return nil
		}
		_, err = new(peering.Peering).Remove(t.Context(), link)
		require.Error(t, err, "the ClusterRole says that there is one")
	})
}

// What somebody changed is put right, each in the least way.
func TestLocalRoleDrift(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(t *testing.T, west *peeringtest.Member) peering.Object
		action peering.Action
	}{
		"wider rules": {func(t *testing.T, west *peeringtest.Member) peering.Object {
			role := localRole(t, west, "istio-system")
			role.Rules[0].ResourceNames = nil
			return role
		}, peering.Updated},
		"other subject": {func(t *testing.T, west *peeringtest.Member) peering.Object {
			binding := localBinding(t, west, "istio-system")
			binding.Subjects[0].Name = "default"
			return binding
		}, peering.Updated},
		"other role": {func(t *testing.T, west *peeringtest.Member) peering.Object {
			binding := localBinding(t, west, "istio-system")
			binding.RoleRef.Name = "other"
			return binding
		}, peering.Recreated},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				_, _, west, link := pair()
				_, err := minimal().Ensure(t.Context(), link)
				require.NoError(t, err)
				_, err = west.Update(t.Context(), tc.change(t, west))
				require.NoError(t, err)
				report, err := minimal().Ensure(t.Context(), link)
				require.NoError(t, err)
				var done []peering.Action
				for _, c := range report.Links[0].Changes {
					if c.Action != peering.Unchanged {
						done = append(done, c.Action)
					}
				}
				require.Equal(t, []peering.Action{tc.action}, done)
				require.Equal(t, []string{"istio-system/istio"}, configMaps(t, west))
				require.Equal(t, "meshpeer-reader-east", localBinding(t, west, "istio-system").RoleRef.Name)
			})
		})
	}
}

func TestForeignLocalRole(t *testing.T) {
	for _, o := range []peering.Object{
		&rbacv1.Role{ObjectMeta: metav1.ObjectMeta{Namespace: "istio-system", Name: "meshpeer-reader-east"}},
		&rbacv1.RoleBinding{ObjectMeta: metav1.ObjectMeta{Namespace: "istio-system", Name: "meshpeer-reader-east"}},
	} {
		synctest.Test(t, func(t *testing.T) {
			_, _, west, link := pair()
			must(t, west, o)
			_, err := minimal().Ensure(t.Context(), link)
			var foreign *peering.ForeignObjectError
			require.ErrorAs(t, err, &foreign)
			require.Equal(t, 1, writes(west), "the foreign one only")

			_, err = new(peering.Peering).Ensure(t.Context(), link) // it is in nobody's way
			require.NoError(t, err)
			_, err = new(peering.Peering).Remove(t.Context(), link)
			require.NoError(t, err)
			require.Len(t, contents(t, west), 1, "what is not ours stays")
		})
	}
}

// Each write of the two can fail, its reply can be lost, and the process can die at it.
func TestLocalRoleWritesCanFail(t *testing.T) {
	for _, kind := range []string{"Role", "RoleBinding"} {
		t.Run(kind+" refused", func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				_, east, west, link := pair()
				west.Before = func(c peeringtest.Call) error {
					if c.Verb == "create" && c.Kind == kind {
						return errors.New("connection refused")
					}
					return nil
				}
				report, err := minimal().Ensure(t.Context(), link)
				require.Error(t, err)
				require.Empty(t, report.Links[0].Left)
				require.Empty(t, contents(t, west))
				require.Empty(t, contents(t, east))
			})
		})
		t.Run(kind+" reply lost", func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				_, _, west, link := pair()
				west.After = func(c peeringtest.Call) error {
					if c.Verb == "create" && c.Kind == kind {
						return errors.New("connection reset by peer")
					}
					return nil
				}
				_, err := minimal().Ensure(t.Context(), link)
				require.NoError(t, err)
			})
		})
		t.Run(kind+" killed", func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				_, east, west, link := pair()
				var dead atomic.Bool
				before := func(peeringtest.Call) error {
					if dead.Load() {
						return errors.New("process is dead")
					}
					return nil
				}
				after := func(c peeringtest.Call) error {
					if c.Verb == "create" && c.Kind == kind {
						dead.Store(true)
					}
					return before(c)
				}
				east.Before, west.Before, west.After = before, before, after
				_, _ = minimal().Ensure(t.Context(), link)
				east.Before, west.Before, west.After = nil, nil, nil
				_, err := minimal().Ensure(t.Context(), link)
				require.NoError(t, err)
				_, err = minimal().Remove(t.Context(), link)
				require.NoError(t, err)
				require.Empty(t, contents(t, west))
			})
		})
	}
}

// An account that lacks the one ConfigMap is told so, by its name.
func TestExistingAccountLacksTheMeshConfig(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, east, west, link := pair()
		east.Istiods.SetRevision("istiod-1", "canary")
		reader, err := rbac.Render(rbac.Options{Profile: rbac.Minimal}) // for the default revision
		require.NoError(t, err)
		for _, o := range reader.Objects() {
			must(t, west, o.(peering.Object))
		}
		p := &peering.Peering{Account: &peering.Account{Name: reader.ServiceAccount.Name}}
		_, err = p.Ensure(t.Context(), link)
		var rights *peering.MissingRightsError
		require.ErrorAs(t, err, &rights)
		require.Equal(t, []rbacv1.PolicyRule{{Verbs: []string{"list", "watch"}, APIGroups: []string{""}, Resources: []string{"configmaps"}, ResourceNames: []string{"istio-canary"}}}, rights.Missing)

		east.Istiods.SetRevision("istiod-1", "default")
		_, err = p.Ensure(t.Context(), link)
		require.NoError(t, err)
	})
}
