package peeringtest

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshpeer/meshpeer/probe"
)

// exec is Cluster.Exec: curl and a few small programs in the app's container, and pilot-agent in the sidecar's.
func (m *Member) exec(namespace, pod, container string) probe.Executor {
	return probe.ExecutorFunc(func(ctx context.Context, c probe.Command) (out probe.Output, err error) {
		like := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: pod}}
		var p *corev1.Pod
		err = m.Server.call(ctx, "exec", like, func() error {
			if p = find[*corev1.Pod](&m.Server.store, "Pod", namespace, pod); p == nil {
				return apierrors.NewNotFound(resource(like), pod)
			}
			return nil
		})
		if err != nil {
			return out, err
		}
		if !slices.ContainsFunc(p.Spec.Containers, func(c corev1.Container) bool { return c.Name == container }) {
			return out, apierrors.NewBadRequest(fmt.Sprintf("container %s is not valid for pod %s", container, pod))
		}
		switch {
		case len(c.Args) == 0:
			return out, apierrors.NewBadRequest("you must specify at least 1 command for the container")
		case container == sidecar && c.Args[0] == "pilot-agent":
			return m.asEnvoy(func() probe.Output { return probe.NewOutput(0, []byte(m.clustersPage(p)), nil) }), nil
		case container == "app" && c.Args[0] == "curl":
			return m.asEnvoy(func() probe.Output { return m.curl(p, c.Args[len(c.Args)-1]) }), nil
		case container == "app":
			return coreutils(ctx, c)
		}
		return probe.NewOutput(127, nil, nil), nil
	})
}

// asEnvoy lets one command at a time ask the proxies.
func (m *Member) asEnvoy(ask func() probe.Output) probe.Output {
	m.traffic.Lock()
	defer m.traffic.Unlock()
	return ask()
}

// coreutils are the programs of every image that a tool may try an exec with.
func coreutils(ctx context.Context, c probe.Command) (probe.Output, error) {
	args := c.Args[1:]
	switch c.Args[0] {
	case "true":
		return probe.Output{}, nil
	case "false":
		return probe.NewOutput(1, nil, nil), nil
	case "echo":
		return probe.NewOutput(0, []byte(strings.Join(args, " ")+"\n"), nil), nil
	case "cat":
		if len(args) > 0 { // there are no files
			return probe.NewOutput(1, nil, []byte("cat: can't open '"+args[0]+"': No such file or directory\n")), nil
		}
		if c.Stdin == nil {
			return probe.Output{}, nil
		}
		read, err := io.ReadAll(c.Stdin)
		if ended := ctx.Err(); ended != nil {
			err = ended
		}
		if err != nil {
			return probe.Output{}, err
		}
		return probe.NewOutput(0, read, nil), nil
	}
	return probe.NewOutput(127, nil, nil), nil
}

// curl answers a request of a pod as the mesh would.
func (m *Member) curl(p *corev1.Pod, target string) probe.Output {
	u, err := url.Parse(target)
	if err != nil {
		return probe.NewOutput(3, nil, []byte("curl: (3) URL rejected\n"))
	}
	service, rest, _ := strings.Cut(u.Hostname(), ".")
	namespace, _, _ := strings.Cut(rest, ".")
	like := &corev1.Service{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Service"}, ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: service}}
	i := slices.IndexFunc(m.services(), func(s *corev1.Service) bool { return s.Name == service && s.Namespace == namespace })
	if i < 0 {
		return probe.NewOutput(6, nil, []byte("curl: (6) Could not resolve host: "+like.Name+"\n"))
	}
	upstreams := m.upstreams(p, namespace, service, m.services()[i].Spec.Ports[0].Port)
	if len(upstreams) == 0 {
		if injected(p) {
			return answer(503, "text/plain", "no healthy upstream")
		}
		return probe.NewOutput(7, nil, []byte("curl: (7) Failed to connect\n"))
	}
	if home := slices.DeleteFunc(slices.Clone(upstreams), func(u upstream) bool { return u.pods[0].member != m }); m.PreferLocal && len(home) > 0 {
		upstreams = home
	}
	m.turn++
	to := upstreams[m.turn%len(upstreams)]
	m.Server.answers[p.Name+" "+to.address]++
	return httpbin(p, to.pods[m.turn%len(to.pods)], u.Path)
}

// httpbin is go-httpbin with USE_REAL_HOSTNAME.
func httpbin(from *corev1.Pod, to served, path string) probe.Output {
	switch path {
	case "/status/418":
		return answer(418, "text/plain", "I'm a teapot!")
	case "/hostname":
		return answer(200, "application/json", fmt.Sprintf("{\n  \"hostname\": %q\n}\n", to.Name))
	case "/headers":
		if injected(from) && injected(to.Pod) {
			return answer(200, "application/json", fmt.Sprintf(`{"headers": {"X-Forwarded-Client-Cert": ["By=%s;Hash=00;Subject=\"\";URI=%s"]}}`, spiffe(to.Pod), spiffe(from)))
		}
		return answer(200, "application/json", `{"headers": {}}`)
	}
	return answer(404, "text/plain", "not found")
}

func spiffe(p *corev1.Pod) string {
	return "spiffe://cluster.local/ns/" + p.Namespace + "/sa/" + p.Spec.ServiceAccountName
}

// answer is what curl prints of an answer, as probe.Curl asks it to.
func answer(status int, contentType, body string) probe.Output {
	return probe.NewOutput(0, fmt.Appendf(nil,
		"HTTP/1.1 %d X\r\nServer: envoy\r\nX-More-Info: http://tools.ietf.org/html/rfc2324\r\nContent-Type: %s\r\n\r\n%s\nmeshpeer-probe-answer %d 0.004", status, contentType, body, status), nil)
}
