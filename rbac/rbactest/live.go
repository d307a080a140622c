package rbactest

import (
	"context"
	"fmt"

	authorizationv1 "k8s.io/api/authorization/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshpeer/meshpeer/internal/printable"
	"github.com/meshpeer/meshpeer/rbac"
)

// Reviewer asks an API server what a subject may do. It is what client-go's
// clientset.AuthorizationV1().SubjectAccessReviews() returns; it needs the right to create subjectaccessreviews.
type Reviewer interface {
	Create(context.Context, *authorizationv1.SubjectAccessReview, metav1.CreateOptions) (*authorizationv1.SubjectAccessReview, error)
}

// Live asks an API server the questions of the table, and fails tb for each answer that differs, with the API server's
// reason. A cell is asked literally: unlike [Matrix.Check], a denial without namespace is of an access to all of them. An API
// server that does not answer ends the test.
//
// Other authorizers than RBAC may have a say there: those of nodes, webhooks, and a cluster's own roles.
func (m Matrix) Live(ctx context.Context, tb TB, reviewer Reviewer) {
	tb.Helper()
	cells, ok := m.cells(tb)
	if !ok {
		return
	}
	for _, c := range cells {
		review := reviewOf(c.subject, c.access)
		answer, err := reviewer.Create(ctx, review, metav1.CreateOptions{})
		if err == nil && answer == nil {
			err = fmt.Errorf("the answer is empty")
		}
		if err != nil {
			tb.Fatalf("rbactest: row %q, %s: the API server does not say: %v\nask as somebody who may create subjectaccessreviews", c.row, c.name, printable.Error(err))
			return
		}
		switch status := answer.Status; {
		case status.Allowed == c.allowed && (status.Allowed || status.EvaluationError == ""):
		case !status.Allowed && status.EvaluationError != "":
			tb.Errorf("rbactest: row %q, %s: the API server is not sure: %s", c.row, c.name, printable.Line(status.EvaluationError))
		default:
			words := map[bool]string{true: "can", false: "cannot"}
			tb.Errorf("rbactest: row %q, %s: the table says %s %s %s, the API server says that it %s (%s)",
				c.row, c.name, c.subject, words[c.allowed], c.access, words[status.Allowed], orNone(printable.Line(status.Reason)))
		}
	}
}

func orNone(reason string) string {
	if reason == "" {
		return "no reason given"
	}
	return reason
}

// reviewOf is the question to an API server.
func reviewOf(s rbac.Subject, a rbac.Access) *authorizationv1.SubjectAccessReview {
	return &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{
		User: s.User, Groups: s.AllGroups(),
		ResourceAttributes: a.ResourceAttributes(), NonResourceAttributes: a.NonResourceAttributes(),
	}}
}
