//go:build linux

package node

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
)

// environment is what the container's processes see: the machine's PATH behind the Node's programs, and the Pod's own
// variables, of which a later one replaces an earlier one of the same name.
func (c *container) environment() []corev1.EnvVar {
	spec := c.pod.spec()
	env := []corev1.EnvVar{
		{Name: "PATH", Value: c.pod.agent.config.Bin + ":" + os.Getenv("PATH")},
		{Name: "HOSTNAME", Value: spec.Name},
		{Name: "HOME", Value: c.root},
	}
	for _, e := range c.spec.Env {
		value := expand(e.Value, env)
		if from := e.ValueFrom; from != nil && from.FieldRef != nil {
			value = c.field(spec, from.FieldRef.FieldPath)
		} else if from != nil && from.ResourceFieldRef != nil {
			value = c.resource(from.ResourceFieldRef)
		}
		env = append(env, corev1.EnvVar{Name: e.Name, Value: value})
	}
	return env
}

// field is a value of the downward API (pkg/fieldpath).
func (c *container) field(spec *corev1.Pod, path string) string {
	if kind, key, ok := strings.Cut(strings.TrimSuffix(path, "']"), "['"); ok {
		if kind == "metadata.labels" {
			return spec.Labels[key]
		}
		return spec.Annotations[key]
	}
	switch path {
	case "metadata.name":
		return spec.Name
	case "metadata.namespace":
		return spec.Namespace
	case "metadata.uid":
		return string(spec.UID)
	case "metadata.labels":
		return listed(spec.Labels)
	case "metadata.annotations":
		return listed(spec.Annotations)
	case "spec.nodeName":
		return spec.Spec.NodeName
	case "spec.serviceAccountName":
		return spec.Spec.ServiceAccountName
	case "status.hostIP", "status.hostIPs":
		return c.pod.agent.config.HostIP.String()
	case "status.podIP", "status.podIPs":
		return c.pod.sandbox().Addr().String()
	}
	return ""
}

// resource is a limit of this container in units of the divisor, rounded up; an unset one is the Node's capacity, for
// which two CPUs and 2 GiB stand here.
func (c *container) resource(from *corev1.ResourceFieldSelector) string {
	kind, name, _ := strings.Cut(from.Resource, ".")
	list := c.spec.Resources.Limits
	if kind == "requests" {
		list = c.spec.Resources.Requests
	}
	value, ok := list[corev1.ResourceName(name)]
	if !ok && name == "cpu" {
		value = *resource.NewQuantity(2, resource.DecimalSI)
	} else if !ok {
		value = *resource.NewQuantity(2<<30, resource.BinarySI)
	}
	divisor := from.Divisor
	if divisor.IsZero() {
		divisor = *resource.NewQuantity(1, resource.DecimalSI)
	}
	if name == "cpu" {
		return strconv.FormatInt((value.MilliValue()+divisor.MilliValue()-1)/divisor.MilliValue(), 10)
	}
	return strconv.FormatInt((value.Value()+divisor.Value()-1)/divisor.Value(), 10)
}

func expandAll(list []string, env []corev1.EnvVar) []string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = expand(s, env)
	}
	return out
}

// expand replaces $(NAME); an unknown one stays, and $$ stands for one $ (third_party/forked/golang/expansion).
func expand(s string, env []corev1.EnvVar) string {
	var out strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '$' || i+1 == len(s) {
			out.WriteByte(s[i])
			continue
		}
		end := strings.IndexByte(s[i:], ')')
		switch {
		case s[i+1] == '$':
			out.WriteByte('$')
			i++
		case s[i+1] == '(' && end > 0:
			out.WriteString(lookup(s[i:i+end+1], env))
			i += end
		default:
			out.WriteByte('$')
		}
	}
	return out.String()
}

func lookup(reference string, env []corev1.EnvVar) string {
	name := reference[2 : len(reference)-1]
	for i := len(env) - 1; i >= 0; i-- {
		if env[i].Name == name {
			return env[i].Value
		}
	}
	return reference
}

// listed is a map as a downward API file holds it.
func listed(m map[string]string) string {
	var lines []string
	for _, key := range slices.Sorted(maps.Keys(m)) {
		lines = append(lines, fmt.Sprintf("%s=%q", key, m[key]))
	}
	return strings.Join(lines, "\n")
}
