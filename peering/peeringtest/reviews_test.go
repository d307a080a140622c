package peeringtest_test

import (
	authorizationv1 "k8s.io/api/authorization/v1"
)

func rulesReview(namespace string) *authorizationv1.SelfSubjectRulesReview {
	return &authorizationv1.SelfSubjectRulesReview{Spec: authorizationv1.SelfSubjectRulesReviewSpec{Namespace: namespace}}
}
