package doccheck_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var (
	makeTarget = regexp.MustCompile(`(?m)^([a-z][a-z-]*):`)
	makeCall   = regexp.MustCompile(`^(?:\w+=\S+ +)*make +(?:-\S+ +)*([a-z][a-z-]*)\b`)
	// A word that is a path of this repository: ./x, or x/y with x one of its folders.
	pathWord = regexp.MustCompile(`^(?:\./[\w./-]+|(?:docs|examples|internal|peering|probe|rbac|secrets)(?:/[\w.-]+)*)$`)
)

// wrong says which command of a line of a shell does not exist here.
func wrong(command string, targets map[string]bool) (all []string) {
	command, _, _ = strings.Cut(command, " #")
	for _, part := range regexp.MustCompile(`[|;&]+`).Split(command, -1) {
		if m := makeCall.FindStringSubmatch(strings.TrimSpace(part)); m != nil && !targets[m[1]] {
			all = append(all, "there is no target "+m[1])
		}
		inRepository := strings.Contains(part, "go ") || strings.Contains(part, "make ")
		for _, word := range strings.Fields(part) {
			word = strings.TrimSuffix(strings.TrimSuffix(word, "..."), "/")
			if !inRepository || word == "." || !pathWord.MatchString(word) {
				continue
			}
			if _, err := os.Stat(filepath.Join(root, word)); err != nil {
				all = append(all, "there is no "+word)
			}
		}
	}
	return all
}

func targets(t *testing.T) map[string]bool {
	t.Helper()
	makefile, err := os.ReadFile(filepath.Join(root, "Makefile"))
	require.NoError(t, err)
	all := map[string]bool{}
	for _, m := range makeTarget.FindAllStringSubmatch(string(makefile), -1) {
		all[m[1]] = true
	}
	require.True(t, all["test"])
	return all
}

// TestShell looks at the commands of blocks, and at those that begin with make or go in backquotes.
func TestShell(t *testing.T) {
	known := targets(t)
	looked := 0
	for _, p := range pages(t) {
		for _, b := range p.blocks {
			if b.language != "sh" {
				continue
			}
			for i, l := range strings.Split(strings.ReplaceAll(b.text, "\\\n", " "), "\n") {
				looked++
				for _, why := range wrong(l, known) {
					t.Errorf("%s:%d: %s", p.path, b.line+i, why)
				}
			}
		}
		if p.path == "CHANGELOG.md" {
			continue
		}
		for _, l := range p.lines {
			for _, code := range l.codes() {
				if strings.HasPrefix(code, "go ") || strings.Contains(code, "make ") {
					looked++
					for _, why := range wrong(code, known) {
						t.Errorf("%s:%d: `%s`: %s", p.path, l.number, code, why)
					}
				}
			}
		}
	}
	require.Greater(t, looked, 20)
}

func TestWrong(t *testing.T) {
	known := map[string]bool{"test": true}
	for _, good := range []string{"make test", "MESHPEER_LAB=optional make test # make x", "go run ./examples/render | kubectl apply -f -", "go doc ./peering/...", "kubectl get ./nosuch"} {
		require.Empty(t, wrong(good, known), good)
	}
	for _, bad := range []string{"make nosuch", "make -s nosuch", "true && make nosuch", "go run ./examples/nosuch", "go run -C examples/nosuch .", "go doc peering/nosuch"} {
		require.Len(t, wrong(bad, known), 1, bad)
	}
}

// TestHelp: make help has a line for every target that people call.
func TestHelp(t *testing.T) {
	makefile, err := os.ReadFile(filepath.Join(root, "Makefile"))
	require.NoError(t, err)
	phony := regexp.MustCompile(`(?m)^\.PHONY: (.*)$`).FindStringSubmatch(string(makefile))
	require.NotNil(t, phony)
	for _, target := range strings.Fields(phony[1]) {
		comment := regexp.MustCompile(`(?m)^# .*\n(?:[A-Z]+ *\?=.*\n)*` + target + `:`)
		require.True(t, comment.Match(makefile), "%s has no comment for make help", target)
	}
}
