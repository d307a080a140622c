package shop_test

import (
	"testing"

	"github.com/meshpeer/meshpeer/rbac"
	"github.com/meshpeer/meshpeer/rbac/rbactest"
)

// helm template shop ./chart --namespace shop > testdata/shop.yaml
const rendered = "testdata/shop.yaml"

var (
	operator = rbac.ServiceAccount("shop", "shop-operator")
	web      = rbac.ServiceAccount("shop", "shop-web")
	team     = rbac.Subject{Groups: []string{"shop-team"}}
	scraper  = rbac.Subject{User: "prometheus", Groups: []string{"monitoring"}}
)

// Who may do what: the page that a reviewer reads. A cell that is not listed fails.
var table = rbactest.Matrix{
	Subjects: map[string]rbac.Subject{"operator": operator, "web": web, "team": team, "scraper": scraper},
	Rows: []rbactest.Row{
		{Access: "list orders.shop.example.com -n default", Allowed: "operator", Denied: "web team scraper"},
		{Access: "list orders.shop.example.com -n shop", Allowed: "operator team", Denied: "web scraper"},
		{Access: "create orders.shop.example.com -n shop", Allowed: "web", Denied: "operator team scraper"},
		{Access: "update orders.shop.example.com/status", Allowed: "operator", Denied: "web team scraper"},
		{Access: "create jobs.batch", Allowed: "operator", Denied: "web team scraper"},
		{Access: "create events", Allowed: "operator", Denied: "web team scraper"},
		{Access: "get pods/log -n shop", Allowed: "team", Denied: "operator web scraper"},
		{Access: "get secrets shop-payment -n shop", Allowed: "web", Denied: "operator team scraper"},
		{Access: "get /metrics", Allowed: "scraper", Denied: "operator web team"},
	},
}

func TestWhoMayDoWhat(t *testing.T) {
	table.Check(t, rbactest.Load(t, rendered))
}

// Without a namespace and a name: in no namespace, under no name.
func TestTeamReadsNoSecrets(t *testing.T) {
	rbactest.Cannot(t, rbactest.Load(t, rendered), team, rbactest.Access(t, "get secrets"), rbactest.Access(t, "list secrets"))
}

// A Job runs a pod as any account, and the payment key is a Secret: both are meant, and nothing else is open.
func TestNoWayToMoreRights(t *testing.T) {
	p := rbactest.Load(t, rendered)
	rbactest.NoEscalation(t, p, operator, "pods-create")
	rbactest.NoEscalation(t, p, web, "secrets-read")
	rbactest.NoEscalation(t, p, team)
}

// Every rule of the chart is needed by a row of the table.
func TestEveryRuleIsNeeded(t *testing.T) {
	rbactest.Mutate(t, rbactest.Load(t, rendered), table.Check)
}
