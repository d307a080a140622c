// Package auditlog reads the audit log of an API server in constant memory.
package auditlog
