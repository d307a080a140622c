// Package audit reads an API server's audit log and counts its requests by what they cost.
package audit
