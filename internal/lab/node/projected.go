//go:build linux

package node

import (
	"context"
	"maps"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
)

func (p *pod) projected(ctx context.Context, spec *corev1.Pod, sources []corev1.VolumeProjection) (map[string][]byte, error) {
	files := map[string][]byte{}
	for _, s := range sources {
		var some map[string][]byte
		var err error
		switch {
		case s.ConfigMap != nil:
			some, err = p.configMap(ctx, spec, s.ConfigMap.Name, s.ConfigMap.Items, s.ConfigMap.Optional)
		case s.Secret != nil:
			some, err = p.secret(ctx, spec, s.Secret.Name, s.Secret.Items, s.Secret.Optional)
		case s.DownwardAPI != nil:
			some = p.downward(spec, s.DownwardAPI.Items)
		case s.ServiceAccountToken != nil:
			some, err = p.token(ctx, spec, s.ServiceAccountToken)
		}
		if err != nil {
			return nil, err
		}
		maps.Copy(files, some)
	}
	return files, nil
}

// token is requested once: it lasts an hour or more, longer than a lab.
func (p *pod) token(ctx context.Context, spec *corev1.Pod, t *corev1.ServiceAccountTokenProjection) (map[string][]byte, error) {
	request := &authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{
		ExpirationSeconds: t.ExpirationSeconds,
		BoundObjectRef:    &authenticationv1.BoundObjectReference{APIVersion: "v1", Kind: "Pod", Name: spec.Name, UID: spec.UID},
	}}
	if t.Audience != "" {
		request.Spec.Audiences = []string{t.Audience}
	}
	err := p.agent.config.Core.Post().Namespace(spec.Namespace).Resource("serviceaccounts").Name(spec.Spec.ServiceAccountName).
		SubResource("token").Body(request).Do(ctx).Into(request)
	return map[string][]byte{t.Path: []byte(request.Status.Token)}, err
}
