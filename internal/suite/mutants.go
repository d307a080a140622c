package suite

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// Mutants shows that each rule of a suite can fail: mutants has a deliberately broken implementation for each name, as the
// rules that look at it. good is the suite over one that keeps every promise. Each runs in a bubble of testing/synctest.
func Mutants(t *testing.T, good func(t *testing.T) []Rule, mutants map[string]func(t *testing.T) []Rule) {
	t.Helper()
	known := map[string]bool{}
	t.Run("nothing is broken", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			for _, rule := range good(t) {
				if known[rule.Name] {
					t.Errorf("two rules are called %q", rule.Name)
				}
				known[rule.Name] = true
				if mutants[rule.Name] == nil {
					t.Errorf("no broken implementation shows that the rule %q can fail", rule.Name)
				}
				if err := check(t.Context(), rule); err != nil {
					t.Errorf("%s: %v", rule.Name, err)
				}
			}
		})
	})
	for name, mutant := range mutants {
		t.Run("broken: "+name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				caught(t, name, mutant(t))
				time.Sleep(time.Hour) // what hung may end
			})
		})
	}
}

// caught fails unless the rule with the name finds what is broken, and says so.
func caught(t *testing.T, name string, rules []Rule) {
	t.Helper()
	broken, errs := Broken(t.Context(), rules)
	for i, rule := range broken {
		if rule.Name != name {
			continue
		}
		if said := strings.TrimPrefix(errs[i].Error(), name+": "); said == "" || strings.HasPrefix(said, panics) {
			t.Errorf("the rule does not say what is wrong: %q", said)
		}
		return
	}
	t.Errorf("no such rule, or it holds all the same; broken are %v", errs)
}
