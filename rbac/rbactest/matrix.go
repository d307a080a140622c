package rbactest

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/meshpeer/meshpeer/rbac"
)

// Matrix says for every subject and every access whether it is allowed: the table that a reviewer reads.
//
//	var table = rbactest.Matrix{
//		Subjects: map[string]rbac.Subject{"cart": rbac.ServiceAccount("shop", "cart"), "team": {Groups: []string{"team"}}},
//		Rows: []rbactest.Row{
//			{Access: "list pods -n shop", Allowed: "cart team"},
//			{Access: "get secrets -n shop", Allowed: "cart", Denied: "team"},
//		},
//	}
type Matrix struct {
	// Subjects are the columns, each under a name without blanks.
	Subjects map[string]rbac.Subject
	Rows     []Row
}

// Row is one access and who may do it. Every subject is in one of the two lists, which are names with blanks between.
//
// Without a namespace, allowed is who may do it in all namespaces, and denied who may do it in none: one who may in some
// fits neither list. Give such a row a namespace.
type Row struct {
	Access          string // as kubectl auth can-i spells it: see [rbac.ParseAccess]
	Allowed, Denied string
}

// Check fails tb for each cell that the policy decides otherwise, as [Can] and [Cannot] do, and for each that is not
// listed. It ends the test at a table that cannot be read.
func (m Matrix) Check(tb TB, p *rbac.Policy) {
	tb.Helper()
	cells, ok := m.cells(tb)
	if !ok {
		return
	}
	for _, name := range slices.Sorted(maps.Keys(m.Subjects)) {
		if !known(tb, p, m.Subjects[name]) {
			return
		}
	}
	for _, c := range cells {
		fault := ""
		if c.allowed {
			fault = denied(p, c.subject, c.access)
		} else if fault = allowed(p, c.subject, c.access); fault == "" {
			if reason := vacuous(p, c.access); reason != "" {
				fault = "the denial proves nothing: " + reason
			}
		}
		if fault != "" {
			tb.Errorf("rbactest: row %q, %s: %s", c.row, c.name, fault)
		}
	}
}

// cell is one question of a Matrix and the answer to it.
type cell struct {
	row, name string
	subject   rbac.Subject
	access    rbac.Access
	allowed   bool
}

// cells reads the table, row by row.
func (m Matrix) cells(tb TB) (cells []cell, ok bool) {
	tb.Helper()
	var faults []string
	fault := func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) }
	names := slices.Sorted(maps.Keys(m.Subjects))
	if len(names) == 0 || len(m.Rows) == 0 {
		fault("the Matrix has no subjects or no rows: it would check nothing")
	}
	rows := map[rbac.Access]bool{}
	for _, row := range m.Rows {
		access, err := rbac.ParseAccess(row.Access)
		if err != nil {
			fault("row %q: %v", row.Access, err)
			continue
		}
		if rows[access] {
			fault("row %q is there twice: join them", row.Access)
		}
		rows[access] = true
		allowed, denied := strings.Fields(row.Allowed), strings.Fields(row.Denied)
		for _, name := range slices.Concat(allowed, denied) {
			if !slices.Contains(names, name) {
				fault("row %q: %s is not one of the subjects %s", row.Access, name, strings.Join(names, ", "))
			}
		}
		for _, name := range names {
			yes, no := slices.Contains(allowed, name), slices.Contains(denied, name)
			if yes == no {
				fault("row %q lists %s in %s: put it into Allowed or into Denied", row.Access, name, map[bool]string{true: "both", false: "neither"}[yes])
			}
			cells = append(cells, cell{row.Access, name, m.Subjects[name], access, yes})
		}
	}
	if len(faults) > 0 {
		tb.Fatalf("rbactest: %s", strings.Join(faults, "\n"))
		return nil, false
	}
	return cells, true
}
