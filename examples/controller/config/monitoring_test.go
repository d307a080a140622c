package config_test

import (
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"

	"github.com/meshpeer/meshpeer/examples/controller/metrics"
)

// labels that each family may be asked for.
var labels = map[string][]string{
	"meshpeer_credential_expiry_timestamp_seconds": {"mesh", "from", "to"},
	"meshpeer_rotation_total":                      {"mesh", "from", "to", "result"},
	"meshpeer_link_condition":                      {"mesh", "from", "to", "condition", "status"},
	"meshpeer_drift":                               {"mesh", "from", "to"},
	"meshpeer_discovery_freshness_seconds":         {"mesh", "from", "to"},
	"meshpeer_api_requests_total":                  {"mesh", "cluster", "method", "code"},
	"meshpeer_member_connected":                    {"mesh", "cluster"},
	"meshpeer_member_healthy":                      {"mesh", "cluster"},
}

var (
	family   = regexp.MustCompile(`\bmeshpeer_[a-z_]+`)
	selector = regexp.MustCompile(`\b(meshpeer_[a-z_]+)\{([^}]*)\}`)
	matcher  = regexp.MustCompile(`([a-z_]+)\s*(?:=~|!~|!=|=)`)
	grouping = regexp.MustCompile(`\bby \(([a-z_, ]+)\)`)
	template = regexp.MustCompile(`\{\{\s*(?:\$labels\.)?([a-z]+)\s*\}\}`)
)

// checkExpression fails at a name that no series has; text is shown with its labels. It returns the families.
func checkExpression(t *testing.T, expression, text string) []string {
	t.Helper()
	families := family.FindAllString(expression, -1)
	require.NotEmpty(t, families, expression)
	var known []string
	for _, name := range families {
		require.Contains(t, metrics.Names(), name, expression)
		known = append(known, labels[name]...)
	}
	for _, s := range selector.FindAllStringSubmatch(expression, -1) {
		for _, m := range matcher.FindAllStringSubmatch(s[2], -1) {
			require.Contains(t, labels[s[1]], m[1], expression)
		}
	}
	shown := template.FindAllStringSubmatch(text, -1)
	if by := grouping.FindStringSubmatch(expression); by != nil {
		kept := strings.Split(strings.ReplaceAll(by[1], " ", ""), ",")
		require.Subset(t, known, kept, expression)
		known = kept
	}
	for _, label := range shown {
		require.Contains(t, known, label[1], "%s\n%s", expression, text)
	}
	for _, pair := range []string{"()", "{}", "[]"} {
		require.Equal(t, strings.Count(expression, pair[:1]), strings.Count(expression, pair[1:]), expression)
	}
	return families
}

func TestLabels(t *testing.T) {
	var names []string
	for name := range labels {
		names = append(names, name)
	}
	require.ElementsMatch(t, metrics.Names(), names)
}

func TestAlerts(t *testing.T) {
	text, err := os.ReadFile("prometheus/alerts.yaml")
	require.NoError(t, err)
	var rule struct {
		Spec struct {
			Groups []struct {
				Rules []struct {
					Alert, Expr, For    string
					Labels, Annotations map[string]string
				}
			}
		}
	}
	require.NoError(t, yaml.Unmarshal(text, &rule))
	var used []string
	for _, r := range rule.Spec.Groups[0].Rules {
		used = append(used, checkExpression(t, r.Expr, r.Annotations["summary"]+r.Annotations["description"])...)
		require.NotEmpty(t, r.Annotations["summary"], r.Alert)
		require.Contains(t, []string{"critical", "warning", "info"}, r.Labels["severity"], r.Alert)
	}
	for _, name := range metrics.Names() {
		if name != "meshpeer_api_requests_total" { // for graphs
			require.Contains(t, used, name, "nobody is told of it")
		}
	}
}

func TestDashboard(t *testing.T) {
	text, err := os.ReadFile("prometheus/dashboard.json")
	require.NoError(t, err)
	type box struct{ X, Y, W, H int }
	var d struct {
		Panels []struct {
			ID          int
			Title       string
			Description string
			GridPos     box
			Targets     []struct{ RefID, Expr, LegendFormat string }
		}
		Templating struct {
			List []struct{ Name, Definition string }
		}
	}
	require.NoError(t, json.Unmarshal(text, &d))
	var used, variables []string
	for _, v := range d.Templating.List {
		variables = append(variables, v.Name)
		if v.Definition != "" {
			used = append(used, checkExpression(t, v.Definition, "")...)
		}
	}
	variable := regexp.MustCompile(`\$\{?([a-z]+)`)
	for _, v := range variable.FindAllStringSubmatch(string(text), -1) {
		require.Contains(t, append(variables, "all"), v[1])
	}
	for i, p := range d.Panels {
		require.Equal(t, i+1, p.ID)
		require.NotEmpty(t, p.Title)
		require.NotEmpty(t, p.Description)
		require.LessOrEqual(t, p.GridPos.X+p.GridPos.W, 24)
		for _, q := range d.Panels[:i] {
			apart := p.GridPos.X >= q.GridPos.X+q.GridPos.W || q.GridPos.X >= p.GridPos.X+p.GridPos.W ||
				p.GridPos.Y >= q.GridPos.Y+q.GridPos.H || q.GridPos.Y >= p.GridPos.Y+p.GridPos.H
			require.True(t, apart, "%s lies on %s", p.Title, q.Title)
		}
		require.NotEmpty(t, p.Targets)
		for _, target := range p.Targets {
			used = append(used, checkExpression(t, target.Expr, target.LegendFormat)...)
		}
	}
	slices.Sort(used)
	require.Subset(t, used, metrics.Names(), "every family is on the dashboard")
}
