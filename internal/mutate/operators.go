package main

import (
	"go/ast"
	"go/token"
	"strings"
)

// change replaces a part of a file. Where it can it keeps the old text compiled but without effect, so that no variable and no
// import is left unused.
type change struct {
	operator    string
	node        ast.Node // what the mutant is known by
	from, to    token.Pos
	replacement string
}

var flipped = map[token.Token]token.Token{
	token.LSS: token.LEQ, token.LEQ: token.LSS, token.GTR: token.GEQ, token.GEQ: token.GTR,
	token.EQL: token.NEQ, token.NEQ: token.EQL, token.ADD: token.SUB, token.SUB: token.ADD,
}

// changes are the mutations that start at a node.
func changes(n ast.Node, text func(from, to token.Pos) string) []change {
	of := func(n ast.Node) string { return text(n.Pos(), n.End()) }
	whole := func(operator string, n ast.Node, replacement string) change {
		return change{operator, n, n.Pos(), n.End(), replacement}
	}
	switch n := n.(type) {
	case *ast.IfStmt:
		if !simple(n.Cond) {
			return []change{{"negate", n.Cond, n.Cond.Pos(), n.Cond.End(), "!(" + of(n.Cond) + ")"}}
		}
	case *ast.BinaryExpr:
		switch n.Op {
		case token.LAND:
			return []change{
				whole("drop-left", n, "(("+of(n.X)+") || true) && "+of(n.Y)),
				whole("drop-right", n, of(n.X)+" && (("+of(n.Y)+") || true)"),
			}
		case token.LOR:
			return []change{
				whole("drop-left", n, "(("+of(n.X)+") && false) || "+of(n.Y)),
				whole("drop-right", n, of(n.X)+" || (("+of(n.Y)+") && false)"),
			}
		}
		if other, can := flipped[n.Op]; can && !isText(n.X) && !isText(n.Y) {
			return []change{{"flip", n, n.OpPos, n.OpPos + token.Pos(len(n.Op.String())), other.String()}}
		}
	case *ast.ReturnStmt:
		if len(n.Results) == 0 {
			return nil
		}
		last := n.Results[len(n.Results)-1]
		if isError(last) {
			return []change{{"no-error", n, last.Pos(), last.End(), "func(error) error { return nil }(" + of(last) + ")"}}
		}
	case *ast.CaseClause:
		if n.List != nil && len(n.Body) > 0 {
			return []change{{"drop-case", n, n.Pos(), n.End(), ""}}
		}
	case *ast.ExprStmt:
		if call, is := n.X.(*ast.CallExpr); is && !isPanic(call) {
			return []change{whole("drop-call", n, "_ = func() { "+of(n)+" }")}
		}
	case *ast.DeferStmt:
		return []change{whole("drop-call", n, "_ = func() { "+of(n.Call)+" }")}
	case *ast.AssignStmt:
		if n.Tok != token.DEFINE && !isBlank(n.Lhs) {
			return []change{whole("drop-assign", n, "_ = func() { "+of(n)+" }")}
		}
	case *ast.CompositeLit:
		return dropFields(n)
	case *ast.Ident:
		switch n.Name {
		case "true":
			return []change{whole("swap-bool", n, "false")}
		case "false":
			return []change{whole("swap-bool", n, "true")}
		}
	}
	return nil
}

// dropFields leaves out one exported field at a time, with the comma before or after it.
func dropFields(n *ast.CompositeLit) (out []change) {
	for i, element := range n.Elts {
		pair, is := element.(*ast.KeyValueExpr)
		if !is {
			return nil
		}
		if key, is := pair.Key.(*ast.Ident); !is || !key.IsExported() {
			continue
		}
		from, to := pair.Pos(), pair.End()
		switch {
		case i > 0:
			from = n.Elts[i-1].End()
		case len(n.Elts) > 1:
			to = n.Elts[1].Pos()
		default:
			to = n.Rbrace
		}
		out = append(out, change{"drop-field", pair, from, to, ""})
	}
	return out
}

// simple conditions have an operator of their own, which says more than negating the whole.
func simple(cond ast.Expr) bool {
	b, is := cond.(*ast.BinaryExpr)
	return is && (b.Op == token.LAND || b.Op == token.LOR || flipped[b.Op] != 0)
}

// isError guesses by its form that an expression is an error other than nil.
func isError(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name == "err" || strings.HasPrefix(e.Name, "Err") || strings.HasPrefix(e.Name, "err") && e.Name != "errs"
	case *ast.SelectorExpr:
		return strings.HasPrefix(e.Sel.Name, "Err")
	case *ast.UnaryExpr:
		literal, is := e.X.(*ast.CompositeLit)
		if !is || e.Op != token.AND {
			return false
		}
		switch t := literal.Type.(type) {
		case *ast.Ident:
			return strings.HasSuffix(t.Name, "Error")
		case *ast.SelectorExpr:
			return strings.HasSuffix(t.Sel.Name, "Error")
		}
	case *ast.CallExpr:
		f, is := e.Fun.(*ast.SelectorExpr)
		if !is {
			return false
		}
		from, is := f.X.(*ast.Ident)
		return is && (from.Name == "fmt" && f.Sel.Name == "Errorf" || from.Name == "errors" && (f.Sel.Name == "New" || f.Sel.Name == "Join"))
	}
	return false
}

func isPanic(call *ast.CallExpr) bool {
	f, is := call.Fun.(*ast.Ident)
	return is && f.Name == "panic"
}

func isText(e ast.Expr) bool {
	literal, is := e.(*ast.BasicLit)
	return is && literal.Kind == token.STRING && literal.Value != `""`
}

func isBlank(left []ast.Expr) bool {
	for _, e := range left {
		if name, is := e.(*ast.Ident); !is || name.Name != "_" {
			return false
		}
	}
	return true
}
