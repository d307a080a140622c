// Package unmatched finds the values of an RBAC rule that no request matches, whatever the other values of the rule are.
// It knows what a rule is made of; its caller knows which requests there are.
package unmatched
