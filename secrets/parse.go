package secrets

import (
	"errors"

	corev1 "k8s.io/api/core/v1"
)

// Parse returns the clusters that istiod finds in secret, in the order of their
// IDs. A key that istiod would refuse, or a Secret that it would not look at, is
// an error: the joined Problems of severity error that Lint reports. StringData
// counts over Data, as when the API server stores the Secret.
//
// A credential that is no plain token is named in Remote.Credential; its value
// is not kept. Token.Expires is the token's own exp claim.
func Parse(secret *corev1.Secret) ([]Remote, error) {
	found := scan(secret)
	var errs []error
	for _, p := range found.problems() {
		if p.Severity == SeverityError {
			errs = append(errs, p)
		}
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	remotes := make([]Remote, 0, len(found.keys))
	for _, in := range found.keys {
		remotes = append(remotes, in.remote)
	}
	return remotes, nil
}
