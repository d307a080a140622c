//go:build linux

package node

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// makeVolumes fills a directory for each volume, as the sources are now: they are not followed afterwards.
func (p *pod) makeVolumes(ctx context.Context, spec *corev1.Pod) error {
	for _, v := range spec.Spec.Volumes {
		files, err := p.volume(ctx, spec, v.VolumeSource)
		if err != nil {
			return fmt.Errorf("node: volume %s: %w", v.Name, err)
		}
		dir := p.volumeDir(v.Name)
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return fmt.Errorf("node: %w", err)
		}
		if err := writeFiles(dir, files); err != nil {
			return err
		}
	}
	return nil
}

func (p *pod) volumeDir(name string) string { return filepath.Join(p.dir, "volumes", name) }

// volume returns the files of one volume; an emptyDir has none.
func (p *pod) volume(ctx context.Context, spec *corev1.Pod, v corev1.VolumeSource) (map[string][]byte, error) {
	switch {
	case v.EmptyDir != nil:
		return nil, nil
	case v.ConfigMap != nil:
		return p.configMap(ctx, spec, v.ConfigMap.Name, v.ConfigMap.Items, v.ConfigMap.Optional)
	case v.Secret != nil:
		return p.secret(ctx, spec, v.Secret.SecretName, v.Secret.Items, v.Secret.Optional)
	case v.DownwardAPI != nil:
		return p.downward(spec, v.DownwardAPI.Items), nil
	case v.Projected != nil:
		return p.projected(ctx, spec, v.Projected.Sources)
	}
	return nil, errors.New("this kind of volume is not supported")
}

func (p *pod) configMap(ctx context.Context, spec *corev1.Pod, name string, items []corev1.KeyToPath, optional *bool) (map[string][]byte, error) {
	var m corev1.ConfigMap
	err := p.agent.config.Core.Get().Namespace(spec.Namespace).Resource("configmaps").Name(name).Do(ctx).Into(&m)
	if missing(err, optional) {
		return nil, nil
	}
	data := m.BinaryData
	if data == nil {
		data = map[string][]byte{}
	}
	for key, value := range m.Data {
		data[key] = []byte(value)
	}
	return pick(data, items), err
}

func (p *pod) secret(ctx context.Context, spec *corev1.Pod, name string, items []corev1.KeyToPath, optional *bool) (map[string][]byte, error) {
	var s corev1.Secret
	err := p.agent.config.Core.Get().Namespace(spec.Namespace).Resource("secrets").Name(name).Do(ctx).Into(&s)
	if missing(err, optional) {
		return nil, nil
	}
	return pick(s.Data, items), err
}

func missing(err error, optional *bool) bool {
	return apierrors.IsNotFound(err) && optional != nil && *optional
}

// pick renames keys to paths; no items means every key under its own name.
func pick(data map[string][]byte, items []corev1.KeyToPath) map[string][]byte {
	if len(items) == 0 {
		return data
	}
	files := map[string][]byte{}
	for _, item := range items {
		if value, ok := data[item.Key]; ok {
			files[item.Path] = value
		}
	}
	return files
}

func (p *pod) downward(spec *corev1.Pod, items []corev1.DownwardAPIVolumeFile) map[string][]byte {
	files := map[string][]byte{}
	for _, item := range items {
		var value string
		switch {
		case item.FieldRef != nil:
			value = p.main[0].field(spec, item.FieldRef.FieldPath)
		case item.ResourceFieldRef != nil:
			for _, c := range append(append([]*container{}, p.init...), p.main...) {
				if c.spec.Name == item.ResourceFieldRef.ContainerName {
					value = c.resource(item.ResourceFieldRef)
				}
			}
		}
		files[item.Path] = []byte(value)
	}
	return files
}

func writeFiles(dir string, files map[string][]byte) error {
	for name, data := range files {
		path := filepath.Join(dir, filepath.Clean("/"+name))
		err := os.MkdirAll(filepath.Dir(path), 0o700)
		if err == nil {
			err = os.WriteFile(path, data, 0o600)
		}
		if err != nil {
			return fmt.Errorf("node: %w", err)
		}
	}
	return nil
}
