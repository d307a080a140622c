package peering_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/yaml"

	"github.com/meshpeer/meshpeer/internal/sampled"
	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/peering/istiod"
	"github.com/meshpeer/meshpeer/peering/peeringtest"
	"github.com/meshpeer/meshpeer/rbac"
	"github.com/meshpeer/meshpeer/secrets"
)

// verb is one call of the flow, from the state that it starts from. In each such state where there is a remote secret, it works.
type verb struct {
	name   string
	goal   peering.Goal
	before func(w *world, t *testing.T)
	option func(*peering.Peering)
	stuck  bool // istiod never syncs: the call fails, and takes back what it did
}

var verbs = []verb{
	{name: "new", goal: peering.Present},
	{name: "role", goal: peering.Present, before: (*world).widenRole},
	{name: "binding", goal: peering.Present, before: (*world).bindElsewhere},
	{name: "all", goal: peering.Present, before: (*world).allOutdated},
	{name: "rotate", goal: peering.Rotated, before: (*world).peer},
	{name: "remove", goal: peering.Absent, before: (*world).peer},
	{name: "adopt keep", goal: peering.Present, before: (*world).istioctl, option: adopt(peering.AdoptKeep)},
	{name: "adopt revoke", goal: peering.Present, before: (*world).istioctl, option: adopt(peering.AdoptRevoke)},
	{name: "undo new", goal: peering.Present, option: undoUnsynced, stuck: true},
	{name: "undo all", goal: peering.Present, before: (*world).allOutdated, option: undoUnsynced, stuck: true},
	{name: "undo rotate", goal: peering.Rotated, before: (*world).peer, stuck: true},
	{name: "undo adopt", goal: peering.Present, before: (*world).istioctl, stuck: true, option: func(p *peering.Peering) {
		undoUnsynced(p)
		adopt(peering.AdoptRevoke)(p)
	}},
}

func adopt(a peering.Adoption) func(*peering.Peering) {
	return func(p *peering.Peering) { p.Adopt = a }
}

func undoUnsynced(p *peering.Peering) { p.UndoUnsynced = true }

// mishap is what becomes of one write, or of all writes of its object from then on.
type mishap struct {
	name    string
	failure peeringtest.Failure
	stays   bool
	ends    bool // the caller's context, at this write
	rides   bool // it does not fail a link
}

// mishaps that make a difference; of a bound token, those where its two requests might.
func mishaps(kind secrets.Kind) []mishap {
	few := []mishap{
		{name: "lost", failure: peeringtest.LostReply, rides: true},
		{name: "throttled", failure: peeringtest.Throttled, rides: true},
		{name: "conflict", failure: peeringtest.Conflicting, rides: true},
		{name: "forbidden", failure: peeringtest.Forbidden, stays: true},
		{name: "ends unheard", failure: peeringtest.LostReply, ends: true},
		{name: "lost for good", failure: peeringtest.LostReply, stays: true},
	}
	if kind == secrets.KindBound {
		return few
	}
	return append(
		few,
		mishap{name: "reset", failure: peeringtest.Reset, rides: true},
		mishap{name: "unavailable", failure: peeringtest.Unavailable, rides: true},
		mishap{name: "leader changed", failure: peeringtest.LeaderChanged, rides: true},
		mishap{name: "over quota", failure: peeringtest.OverQuota, stays: true},
		mishap{name: "denied", failure: peeringtest.Denied, stays: true},
		mishap{name: "reset for good", failure: peeringtest.Reset, stays: true},
		mishap{name: "ends before", failure: peeringtest.Reset, ends: true},
		mishap{name: "ends after", ends: true},
	)
}

// TestEveryWriteOfEveryVerb makes each write of each verb fail in each way, and looks at what both servers hold then: what the
// report calls undone is undone, whatever else differs from before is named, and the credential that From holds works. One more
// call always reaches the goal.
func TestEveryWriteOfEveryVerb(t *testing.T) {
	for _, kind := range []secrets.Kind{secrets.KindDurable, secrets.KindBound} {
		for _, v := range verbs {
			var targets []target
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, kind, v)
				_, err := w.call(t.Context())
				require.Equal(t, v.stuck, err != nil, "%v", err)
				targets = w.targets
			})
			require.NotEmpty(t, targets)
			for i, m := range mishaps(kind) {
				for k := range targets {
					if !sampled.Take(i + k) {
						continue
					}
					t.Run(fmt.Sprintf("%s/%s/%s/%d %s", kind, v.name, m.name, k+1, targets[k]), func(t *testing.T) {
						t.Parallel()
						synctest.Test(t, func(t *testing.T) { newWorld(t, kind, v).suffer(t, m, k+1) })
					})
				}
			}
		}
	}
}

// world is one link and what happens to it.
type world struct {
	verb
	p          *peering.Peering
	link       peering.Link
	east, west *peeringtest.Member
	start      map[string]held
	targets    []target // of the writes of the call, in order
}

// target is the object of a write.
type target struct{ on, verb, kind, name string }

func (g target) String() string { return g.verb + " " + g.kind + " " + g.name }

func newWorld(t *testing.T, kind secrets.Kind, v verb) *world {
	_, east, west, link := pair()
	w := &world{verb: v, link: link, east: east, west: west, p: &peering.Peering{Credential: kind, SyncTimeout: 5 * time.Second}}
	if v.before != nil {
		v.before(w, t)
	}
	if v.stuck {
		east.Istiods.Stick("istiod-1", istiod.TimedOut)
	}
	if v.option != nil {
		v.option(w.p)
	}
	time.Sleep(time.Minute) // what is there is not another run's, at work
	w.start = w.look(t)
	w.watch(func(target) bool { return false }, peeringtest.Fault{})
	return w
}

func (w *world) call(ctx context.Context) (*peering.Report, error) {
	switch w.goal {
	case peering.Rotated:
		return w.p.Rotate(ctx, w.link)
	case peering.Absent:
		return w.p.Remove(ctx, w.link)
	}
	return w.p.Ensure(ctx, w.link)
}

// watch notes the writes from now on, and lets those fail that hit names.
func (w *world) watch(hit func(target) bool, f peeringtest.Fault) (all []*peeringtest.Injected) {
	for _, m := range []*peeringtest.Member{w.east, w.west} {
		m.Heal()
		f.Times = peeringtest.Always
		f.Match = func(verb string, o peering.Object) bool {
			kind := strings.TrimPrefix(strings.TrimPrefix(fmt.Sprintf("%T", o), "*v1."), "*v1beta1.")
			if verb != "create token" && !(peeringtest.Call{Verb: verb, Kind: kind}).Write() {
				return false
			}
			g := target{m.ID.String(), verb, kind, o.GetName()}
			w.targets = append(w.targets, g)
			return hit(g)
		}
		all = append(all, m.Inject(f))
	}
	return all
}

// suffer makes the call with the k-th write going wrong, and judges what is there then.
func (w *world) suffer(t *testing.T, m mishap, k int) {
	w.targets = nil
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	fault := peeringtest.Fault{Failure: m.failure}
	if m.ends {
		fault.Answer = func(peeringtest.Call) error {
			if cancel(); m.failure == "" {
				return nil
			}
			return context.Canceled
		}
	}
	n := 0
	var object target
	injected := w.watch(func(g target) bool {
		if n++; n == k {
			object = g
		}
		return n == k || m.stays && n > k && g.on == object.on && g.kind == object.kind && g.name == object.name
	}, fault)
	report, err := w.call(ctx)
	require.NotEmpty(t, append(injected[0].Hits(), injected[1].Hits()...), "the fault hit nobody")
	w.east.Heal()
	w.west.Heal()
	require.Len(t, report.Links, 1)
	l := report.Links[0]
	require.Equal(t, err != nil, l.Error != nil)
	w.judge(t, l)
	if m.rides && !(object.verb == "create token" && m.failure.Class() == peeringtest.Conflict) { // which says that the account is another
		require.Equal(t, w.stuck, err != nil, "%v", err)
		require.Empty(t, l.Left)
	}
	w.recover(t)
}

// judge holds the report against what is stored.
func (w *world) judge(t *testing.T, l peering.LinkReport) {
	t.Helper()
	now := w.look(t)
	left, changed, undone := objectsOf(l.Left), objectsOf(l.Changes), objectsOf(l.Undone)
	told := func(key string) bool { return left[key] || changed[key] && !undone[key] }
	for key, is := range now {
		was, there := w.start[key]
		if !there || was.content != is.content || was.uid != is.uid {
			require.True(t, told(key) || undone[key] && there && was.content == is.content, "%s is there, and not as before: %s", key, tell(l))
		}
		if w.goal == peering.Absent && l.Error != nil && is.ours {
			require.True(t, left[key], "%s is there, and not named as left: %s", key, tell(l))
		}
	}
	for key := range w.start {
		if _, there := now[key]; !there {
			require.True(t, told(key), "%s is gone: %s", key, tell(l))
		}
	}
	for key := range undone {
		require.Equal(t, w.start[key].content, now[key].content, "%s is said to be undone: %s", key, tell(l))
	}

	o, err := w.east.Get(t.Context(), secret("istio-remote-secret-west"))
	if err == nil {
		remotes, err := secrets.Parse(o.(*corev1.Secret))
		require.NoError(t, err)
		if why := w.lacks(t, remotes[0].Token); why != "" {
			claims, err := remotes[0].Token.Claims()
			require.NoError(t, err)
			key := "west Secret/istio-system/" + claims.SecretName
			if strings.HasPrefix(why, "lacks") { // for want of a role that could be deleted and not be created
				key = "west ClusterRoleBinding/meshpeer-reader-east"
			}
			require.True(t, left[key], "From holds a token that %s: %s", why, tell(l))
		}
	}
	switch {
	case l.Error != nil:
	case w.goal == peering.Absent:
		for key, is := range now {
			require.False(t, is.ours, "%s is there: %s", key, tell(l))
		}
	default:
		require.NoError(t, err, "no error, and no remote secret")
		require.Empty(t, l.Undone)
		w.works(t)
	}
	w.remembers(t, l)
}

// remembers looks for tokens of nobody: each is From's, from before, or named.
func (w *world) remembers(t *testing.T, l peering.LinkReport) {
	held := ""
	if o, err := w.east.Get(t.Context(), secret("istio-remote-secret-west")); err == nil {
		remotes, err := secrets.Parse(o.(*corev1.Secret))
		require.NoError(t, err)
		claims, err := remotes[0].Token.Claims()
		require.NoError(t, err)
		held = claims.SecretName
		if l.Credential != nil && l.Credential.Fingerprint != remotes[0].Token.Ref().Fingerprint {
			require.NotEmpty(t, l.Left, "the credential on the report is not the one in use: %s", tell(l))
		}
	}
	tokens, err := w.west.List(t.Context(), secret(""), peering.LabelGeneration)
	require.NoError(t, err)
	for _, o := range tokens {
		key := keyOf(w.west, o)
		if _, before := w.start[key]; before || o.GetName() == held {
			continue
		}
		require.True(t, objectsOf(l.Left)[key], "%s is nobody's: %s", key, tell(l))
	}
}

// recover is one more call, with nothing in its way: it reaches the goal.
func (w *world) recover(t *testing.T) {
	t.Helper()
	if w.stuck {
		w.east.Istiods.Stick("istiod-1", "")
	}
	if w.goal == peering.Absent {
		_, err := w.p.Remove(t.Context(), w.link)
		require.NoError(t, err)
		require.Empty(t, append(contents(t, w.east), contents(t, w.west)...))
		return
	}
	report, err := w.p.Ensure(t.Context(), w.link)
	require.NoError(t, err)
	require.Empty(t, report.Links[0].Left, "%v", report.Links[0].Left)
	w.works(t)
	tokens, err := w.west.List(t.Context(), secret(""), peering.LabelGeneration)
	require.NoError(t, err)
	require.Len(t, tokens, 1, "one live credential")
	plan, err := w.p.Plan(t.Context(), peering.Present, w.link)
	require.NoError(t, err)
	require.True(t, plan.Empty())
}

// works says that From's token is good and that istiod reads To with it.
func (w *world) works(t *testing.T) {
	t.Helper()
	require.Empty(t, w.lacks(t, bearerOf(t, w.east, w.west)))
	report, err := w.p.Verify(t.Context(), w.link)
	require.NoError(t, err, "%v", report.Links[0].Results)
}

// lacks says why a token is not good; "" if it is.
func (w *world) lacks(t *testing.T, token secrets.Token) string {
	t.Helper()
	bearer, err := w.west.As(w.west.Endpoint, token)
	require.NoError(t, err)
	o, err := bearer.Create(t.Context(), &authorizationv1.SelfSubjectRulesReview{Spec: authorizationv1.SelfSubjectRulesReviewSpec{Namespace: "istio-system"}})
	if err != nil {
		return "is refused: " + err.Error()
	}
	var granted []rbacv1.PolicyRule
	for _, r := range o.(*authorizationv1.SelfSubjectRulesReview).Status.ResourceRules {
		granted = append(granted, rbacv1.PolicyRule{Verbs: r.Verbs, APIGroups: r.APIGroups, Resources: r.Resources, ResourceNames: r.ResourceNames})
	}
	minimal, err := rbac.Render(rbac.Options{Profile: rbac.Minimal})
	require.NoError(t, err)
	if missing := rbac.Missing(granted, minimal.ClusterRole.Rules); len(missing) > 0 {
		return fmt.Sprint("lacks rights: ", missing)
	}
	return ""
}

// held is an object as it is stored.
type held struct {
	uid, content string
	ours         bool
}

// look reads all that peering writes, or might have to leave alone.
func (w *world) look(t *testing.T) map[string]held {
	t.Helper()
	all := map[string]held{}
	for _, m := range []*peeringtest.Member{w.east, w.west} {
		for _, like := range []peering.Object{
			secret(""), serviceAccount(""), &rbacv1.ClusterRole{}, &rbacv1.ClusterRoleBinding{}, &rbacv1.Role{}, &rbacv1.RoleBinding{},
		} {
			found, err := m.List(t.Context(), like, "")
			require.NoError(t, err)
			for _, o := range found {
				all[keyOf(m, o)] = heldOf(t, o)
			}
		}
	}
	return all
}

func heldOf(t *testing.T, o peering.Object) held {
	h := held{uid: string(o.GetUID()), ours: o.GetLabels()[peering.LabelFrom] != ""}
	o.SetUID("")
	o.SetResourceVersion("")
	o.SetCreationTimestamp(metav1.Time{})
	o.SetManagedFields(nil)
	annotations := maps.Clone(o.GetAnnotations())
	delete(annotations, peering.AnnotationRun)
	o.SetAnnotations(nil)
	if len(annotations) > 0 {
		o.SetAnnotations(annotations)
	}
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(o)
	require.NoError(t, err)
	data, err := yaml.Marshal(content)
	require.NoError(t, err)
	h.content = string(data)
	return h
}

func keyOf(m *peeringtest.Member, o peering.Object) string {
	kind := strings.TrimPrefix(fmt.Sprintf("%T", o), "*v1.")
	if o.GetNamespace() != "" {
		kind += "/" + o.GetNamespace()
	}
	return m.ID.String() + " " + kind + "/" + o.GetName()
}

// objectsOf are the keys of what changes name. A token is the Secret that stands for it.
func objectsOf(changes []peering.Change) map[string]bool {
	all := map[string]bool{}
	for _, c := range changes {
		if c.Action != peering.Unchanged {
			all[c.On.String()+" "+strings.Replace(c.Object, "Token/", "Secret/", 1)] = true
		}
	}
	return all
}

func tell(l peering.LinkReport) string {
	return fmt.Sprintf("\nchanges %v\nundone %v\nleft %v\nerror %v", l.Changes, l.Undone, l.Left, l.Error)
}

func (w *world) peer(t *testing.T) {
	_, err := w.p.Ensure(t.Context(), w.link)
	require.NoError(t, err)
}

// widenRole gives the reader more than it is to have.
func (w *world) widenRole(t *testing.T) {
	w.peer(t)
	role := clusterRole(t, w.west, "meshpeer-reader-east")
	role.Rules = append(role.Rules, rbacv1.PolicyRule{Verbs: []string{"delete"}, APIGroups: []string{""}, Resources: []string{"pods"}})
	_, err := w.west.Update(t.Context(), role)
	require.NoError(t, err)
}

// bindElsewhere lets the reader live by a role of others.
func (w *world) bindElsewhere(t *testing.T) {
	w.peer(t)
	role := clusterRole(t, w.west, "meshpeer-reader-east").DeepCopy()
	must(t, w.west, &rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: "other"}, Rules: role.Rules})
	binding := clusterRoleBinding(t, w.west, "meshpeer-reader-east")
	binding.RoleRef.Name = "other"
	_, err := w.west.Update(t.Context(), binding)
	require.NoError(t, err)
}

// allOutdated has each object of the link to be written again.
func (w *world) allOutdated(t *testing.T) {
	w.bindElsewhere(t)
	role := clusterRole(t, w.west, "meshpeer-reader-east")
	role.Rules = slices.Clone(role.Rules)[1:]
	_, err := w.west.Update(t.Context(), role)
	require.NoError(t, err)
	account, err := w.west.Get(t.Context(), serviceAccount("meshpeer-reader-east"))
	require.NoError(t, err)
	delete(account.GetLabels(), "app.kubernetes.io/name")
	labels := account.GetLabels()
	for key := range labels {
		if key != peering.LabelManagedBy && key != peering.LabelFrom && key != peering.LabelTo {
			delete(labels, key)
		}
	}
	_, err = w.west.Update(t.Context(), account)
	require.NoError(t, err)
	remote, err := w.east.Get(t.Context(), secret("istio-remote-secret-west"))
	require.NoError(t, err)
	remote.SetAnnotations(map[string]string{peering.AnnotationCredential: "unreadable"})
	_, err = w.east.Update(t.Context(), remote)
	require.NoError(t, err)
}

func (w *world) istioctl(t *testing.T) { byIstioctl(t, w.west, w.east) }
