package peering

import (
	"context"
	"fmt"
	"slices"

	rbacv1 "k8s.io/api/rbac/v1"

	"github.com/meshpeer/meshpeer/internal/apply"
	"github.com/meshpeer/meshpeer/rbac"
)

// grant makes the reader in To: account, ClusterRole and binding, and where the profile has them a Role and its binding. With an
// existing account there is none to make.
func (t *task) grant() (steps []step) {
	for i, want := range t.want.objects.all() {
		steps = append(steps, t.put(want, t.seen.reader()[i]))
	}
	return steps
}

// reader are the objects of the link's reader, in the order of readerObjects.all.
func (o observed) reader() []Object {
	return []Object{o.account, o.role, o.binding, o.localRole, o.localBinding}
}

// put makes an object as wanted.
func (t *task) put(want, live Object) step {
	s := step{want: want, live: live, Step: Step{Change: Change{Stage: StageGrant, On: t.To.ID, Object: apply.Name(want), Action: Unchanged}}}
	if live == nil {
		s.Action, s.Undo, s.do = Created, "delete it", (*task).create
		return s
	}
	s.UID = string(live.GetUID())
	_, reason, immutable := apply.Merge(live, want)
	if reason == "" && want == t.want.objects.all()[0] && t.seen.abandoned {
		reason = "an earlier run did not finish: this one takes over"
	}
	switch {
	case reason == "":
		return s
	case immutable:
		s.Action, s.do = Recreated, (*task).recreate
	default:
		s.Action, s.do = Updated, (*task).update
	}
	s.Reason, s.Undo = reason, "restore the old content"
	return s
}

func (t *task) create(ctx context.Context, s step) (apply.Undo, error) {
	_, undo, err := t.writer(t.to).Create(ctx, s.want)
	return undo, err
}

func (t *task) update(ctx context.Context, s step) (apply.Undo, error) {
	_, undo, err := t.writer(t.to).Update(ctx, s.live, s.want)
	return undo, err
}

// recreate is for what cannot be updated. Between the two calls the reader has no rights; its watches survive that.
func (t *task) recreate(ctx context.Context, s step) (apply.Undo, error) {
	_, undo, err := t.writer(t.to).Recreate(ctx, s.live, s.want)
	return undo, err
}

// writer of a cluster's objects in the name of this call.
func (t *task) writer(s *snapshot) apply.Writer {
	return apply.Writer{Objects: s.objects, Nonce: t.nonce}
}

// dropReader deletes the reader, its account last: nothing of it is left that would point nowhere.
func (t *task) dropReader() (steps []step) {
	live := t.seen.reader()
	for i, want := range slices.Backward(t.want.objects.all()) {
		s := step{kind: clean, ends: true, live: live[i], Step: Step{Change: Change{Stage: StageRevoke, On: t.To.ID, Object: apply.Name(want), Action: Unchanged, Reason: "not there"}}}
		switch {
		case t.to.err != nil:
			s.Action, s.Reason, s.do = Deleted, "", t.to.cannot
		case s.live != nil:
			s.Action, s.Reason, s.UID, s.do = Deleted, "", string(s.live.GetUID()), (*task).drop
		}
		steps = append(steps, s)
	}
	return steps
}

// dropStrays deletes Roles and RoleBindings of the link that nothing wants any more.
func (t *task) dropStrays() (steps []step) {
	for _, live := range t.seen.strays {
		steps = append(steps, step{kind: clean, ends: true, live: live, do: (*task).drop, Step: Step{
			Change: Change{Stage: StageRevoke, On: t.To.ID, Object: apply.Name(live), Action: Deleted}, UID: string(live.GetUID()),
		}})
	}
	return steps
}

// drop deletes an object of the link's own.
func (t *task) drop(ctx context.Context, s step) (apply.Undo, error) {
	return nil, t.writer(t.to).Delete(ctx, s.live)
}

// cannot is a step in a cluster that does not answer: what is left there is named, and the other side goes on.
func (s *snapshot) cannot(*task, context.Context, step) (apply.Undo, error) { return nil, s.err }

// needs is what From's istiods list and watch in To: the minimal role of the versions and revisions that were seen, else of
// those that the options name.
func (t *task) needs() []rbac.Access {
	versions, revisions := present(t.from.istiods)
	if len(t.from.istiods) == 0 {
		versions, revisions = []string{t.Reader.IstioVersion}, t.Reader.Revisions
	}
	system := t.systemNamespace(t.From)
	all, _ := t.accesses.get(fmt.Sprint(versions, revisions, system), func() (all []rbac.Access, _ error) {
		for _, version := range versions {
			o := rbac.Options{Profile: rbac.Minimal, IstioVersion: version, SystemNamespace: system, Revisions: revisions}
			rules, err := rbac.Explain(o)
			if err != nil {
				o.IstioVersion = "" // a version that is not one, or too old: all that the newest needs
				if rules, err = rbac.Explain(o); err != nil {
					rules, _ = rbac.Explain(rbac.Options{Profile: rbac.Minimal}) // a revision that is not one
				}
			}
			for _, r := range rules {
				for _, a := range accesses(r) {
					if !slices.Contains(all, a) {
						all = append(all, a)
					}
				}
			}
		}
		return all, nil
	})
	return all
}

// accesses are what a rule of the minimal role grants, one by one.
func accesses(r rbac.Rule) (all []rbac.Access) {
	names := r.ResourceNames
	if len(names) == 0 {
		names = []string{""}
	}
	for _, group := range r.APIGroups {
		for _, resource := range r.Resources {
			for _, name := range names {
				for _, verb := range r.Verbs {
					all = append(all, rbac.Access{Verb: verb, Group: group, Resource: resource, Namespace: r.Namespace, Name: name})
				}
			}
		}
	}
	return all
}

// asRules puts accesses into the form in which they would be granted, one rule per resource and name.
func asRules(accesses []rbac.Access) []rbacv1.PolicyRule {
	var rules []rbacv1.PolicyRule
	var before rbac.Access
	for _, a := range accesses {
		thing := a
		thing.Verb = ""
		if len(rules) > 0 && thing == before {
			last := &rules[len(rules)-1]
			last.Verbs = append(last.Verbs, a.Verb)
			continue
		}
		rule := rbacv1.PolicyRule{APIGroups: []string{a.Group}, Resources: []string{a.Resource}, Verbs: []string{a.Verb}}
		if a.Name != "" {
			rule.ResourceNames = []string{a.Name}
		}
		rules, before = append(rules, rule), thing
	}
	return rules
}
