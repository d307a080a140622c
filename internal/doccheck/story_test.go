package doccheck_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshpeer/meshpeer/internal/golden"
	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/peering/istiod"
	"github.com/meshpeer/meshpeer/peering/peeringtest"
	"github.com/meshpeer/meshpeer/peering/traffic"
	"github.com/meshpeer/meshpeer/rbac"
	"github.com/meshpeer/meshpeer/secrets"
)

// story collects the outputs that documents show: runs on a mesh in memory whose clock stands at the start of 2000.
type story struct {
	t    *testing.T
	text strings.Builder
}

func tell(t *testing.T, name string, do func(*testing.T, *story)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := &story{t: t}
		do(t, s)
		golden.Equal(t, name, []byte(steadied(s.text.String())))
	})
}

var (
	digests      = regexp.MustCompile(`\b(plan|sha256|digest|now) [0-9a-f]{12,64}`)
	fingerprints = regexp.MustCompile(`("(?:fingerprint|token)": ?")[0-9a-f]{8}"`)
	nonces       = regexp.MustCompile(`("(?:run|plan)": ?")[0-9a-z]+"`)
	random       = regexp.MustCompile(`\b[A-Z2-7]{26}(\.example)?\b`)
)

// steadied has what differs between runs replaced.
func steadied(text string) string {
	text = digests.ReplaceAllString(text, "$1 4be1ca11")
	text = fingerprints.ReplaceAllString(text, `${1}0badcafe"`)
	text = nonces.ReplaceAllString(text, `${1}5eed5eed"`)
	return random.ReplaceAllStringFunc(text, func(found string) string {
		if strings.HasSuffix(found, ".example") {
			return "api.example"
		}
		return "7f0c6c2e-6ff1"
	})
}

func (s *story) report(title string, report *peering.Report, err error) {
	s.t.Helper()
	require.NotNil(s.t, report)
	fmt.Fprintf(&s.text, "== %s\n", title)
	require.NoError(s.t, report.WriteText(&s.text))
	if err != nil {
		fmt.Fprintf(&s.text, "error: %v\n", err)
	}
}

func (s *story) plan(title string, plan *peering.Plan) {
	s.t.Helper()
	fmt.Fprintf(&s.text, "== %s\n", title)
	require.NoError(s.t, plan.WriteText(&s.text))
}

func (s *story) json(title string, value any) {
	s.t.Helper()
	fmt.Fprintf(&s.text, "== %s\n", title)
	encoder := json.NewEncoder(&s.text)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	require.NoError(s.t, encoder.Encode(value))
}

func pair() (*peeringtest.Mesh, *peeringtest.Member, *peeringtest.Member, peering.Link) {
	mesh := peeringtest.New(peeringtest.Options{Names: []string{"east", "west"}, Istiods: 2, Workloads: true})
	east, west := mesh.Member("east"), mesh.Member("west")
	return mesh, east, west, peering.Link{From: east.Cluster, To: west.Cluster}
}

func TestFirstPeering(t *testing.T) {
	tell(t, "first-peering.txt", func(t *testing.T, s *story) {
		mesh, east, west, link := pair()
		mesh.Split()
		west.Run(peeringtest.App{Name: "plain", Replicas: 1, Plain: true})
		p := &peering.Peering{Reader: rbac.Options{Profile: rbac.Minimal}, Workload: &traffic.Workload{Control: "plain"}}
		plan, err := p.Plan(t.Context(), peering.Present, link)
		require.NoError(t, err)
		s.plan("plan", plan)
		report, err := p.Ensure(t.Context(), link)
		s.report("ensure", report, err)
		report, err = p.Ensure(t.Context(), link)
		s.report("ensure again", report, err)
		require.False(t, report.Changed())
		report, err = p.Verify(t.Context(), link)
		s.report("verify", report, err)
		east.Istiods.Stick("istiod-2", istiod.TimedOut)
		report, err = p.Verify(t.Context(), link)
		s.report("verify, one replica stuck", report, err)
		east.Istiods.Stick("istiod-2", "")
		report, err = p.Remove(t.Context(), link)
		s.report("remove", report, err)
	})
}

func TestASM(t *testing.T) {
	tell(t, "asm.txt", func(t *testing.T, s *story) {
		mesh := peeringtest.New(peeringtest.Options{Names: []string{"cluster-1", "cluster-2"}, Hosted: []string{"cluster-1"}, Hidden: true, Istiods: 2, Workloads: true})
		mesh.Split()
		for _, m := range mesh.Members() {
			m.Run(peeringtest.App{Name: "plain", Replicas: 1, Plain: true})
		}
		one, two := mesh.Member("cluster-1").Cluster, mesh.Member("cluster-2").Cluster
		p := &peering.Peering{Workload: &traffic.Workload{Control: "plain"}}
		step1, step2 := peering.Link{From: one, To: two}, peering.Link{From: two, To: one}
		report, err := p.Verify(t.Context(), step1)
		s.report("step 1: verify", report, err)
		report, err = p.Verify(t.Context(), step2)
		s.report("step 2: verify, before", report, err)
		report, err = p.Ensure(t.Context(), step1, step2)
		s.report("step 2: ensure", report, err)
		report, err = p.Verify(t.Context(), step2)
		s.report("step 2: verify", report, err)

		f := traffic.Workload{}.Failover(step2.Sides())
		check, err := f.Check(t.Context())
		require.NoError(t, err)
		s.json("step 2: failover, looked at", check)
		f.Consent = "cluster-2 default/httpbin"
		done, err := f.Run(t.Context())
		require.NoError(t, err)
		require.True(t, done.Restored)
		s.json("step 2: failover", done)
	})
}

func TestRotation(t *testing.T) {
	tell(t, "rotation.txt", func(t *testing.T, s *story) {
		_, east, _, link := pair()
		p := new(peering.Peering)
		_, err := p.Ensure(t.Context(), link)
		require.NoError(t, err)
		report, err := p.Rotate(t.Context(), link)
		s.report("rotate", report, err)
		p.AwaitRefusal = true
		report, err = p.Rotate(t.Context(), link)
		s.report("rotate and wait", report, err)
		east.Istiods.SetVersion("1.29.1")
		_, err = p.Rotate(t.Context(), link)
		require.Error(t, err)
		fmt.Fprintf(&s.text, "== rotate with istiod 1.29.1\nerror: %v\n", err)
		east.Istiods.SetVersion("1.31.0")
		p = &peering.Peering{Credential: secrets.KindBound, Lifetime: time.Hour}
		report, err = p.Ensure(t.Context(), link)
		s.report("bound", report, err)
		time.Sleep(time.Until(report.RenewAt()))
		report, err = p.Ensure(t.Context(), link)
		s.report("renewed", report, err)
	})
}

func TestPlanAndReview(t *testing.T) {
	tell(t, "plan.txt", func(t *testing.T, s *story) {
		_, _, _, link := pair()
		p := &peering.Peering{Reader: rbac.Options{Profile: rbac.Minimal}}
		_, err := p.Ensure(t.Context(), link)
		require.NoError(t, err)
		bound := &peering.Peering{Reader: p.Reader, Credential: secrets.KindBound, Lifetime: time.Hour}
		plan, err := bound.Plan(t.Context(), peering.Present, link)
		require.NoError(t, err)
		s.plan("a bound token instead", plan)
		data, err := json.Marshal(plan)
		require.NoError(t, err)

		_, err = p.Rotate(t.Context(), link)
		require.NoError(t, err)
		var approved peering.Plan
		require.NoError(t, json.Unmarshal(data, &approved))
		require.NoError(t, approved.Bind(link))
		_, err = bound.Apply(t.Context(), &approved)
		require.IsType(t, new(peering.DriftError), err)
		fmt.Fprintf(&s.text, "== apply after a rotation\nerror: %v\n", err)

		var audit bytes.Buffer
		p.Audit, p.Actor = peering.AuditTo(&audit), "pipeline 17"
		_, err = p.Rotate(t.Context(), link)
		require.NoError(t, err)
		first, _, _ := strings.Cut(audit.String(), "\n")
		var record peering.AuditRecord
		require.NoError(t, json.Unmarshal([]byte(first), &record))
		s.json("audit", record)
		golden.Equal(t, "audit.json", []byte(steadied(indented(t, first))))
	})
}

func indented(t *testing.T, data string) string {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, json.Indent(&b, []byte(data), "", "  "))
	return b.String() + "\n"
}

func TestRevocation(t *testing.T) {
	tell(t, "revocation.txt", func(t *testing.T, s *story) {
		mesh, _, west, link := pair()
		p := new(peering.Peering)
		_, err := p.Ensure(t.Context(), peering.Mesh(mesh.Clusters()...)...)
		require.NoError(t, err)
		byIstioctl(t, west)
		all, err := peering.Credentials(t.Context(), mesh.Clusters()...)
		require.NoError(t, err)
		s.json("credentials", all)
		west.Partition()
		report, err := p.Remove(t.Context(), link)
		s.report("remove while west does not answer", report, err)
		west.Heal()
		report, err = p.Remove(t.Context(), link)
		s.report("remove again", report, err)
	})
}

func TestAdoption(t *testing.T) {
	tell(t, "adoption.txt", func(t *testing.T, s *story) {
		_, east, west, link := pair()
		byIstioctl(t, west, east)
		p := &peering.Peering{Reader: rbac.Options{Profile: rbac.Minimal}}
		report, err := p.Verify(t.Context(), link)
		s.report("verify", report, err)
		_, err = p.Ensure(t.Context(), link)
		require.Error(t, err)
		fmt.Fprintf(&s.text, "== ensure\nerror: %v\n", err)
		p.Adopt = peering.AdoptRevoke
		plan, err := p.Plan(t.Context(), peering.Present, link)
		require.NoError(t, err)
		s.plan("plan with AdoptRevoke", plan)
		report, err = p.Ensure(t.Context(), link)
		s.report("ensure with AdoptRevoke", report, err)
	})
}

// byIstioctl makes in `to` what istioctl makes there, and in each of `from` the remote secret with its one token.
func byIstioctl(t *testing.T, to *peeringtest.Member, from ...*peeringtest.Member) {
	t.Helper()
	create := func(m *peeringtest.Member, o peering.Object) peering.Object {
		made, err := m.Create(t.Context(), o)
		require.NoError(t, err)
		return made
	}
	reader, err := rbac.Render(rbac.Options{Profile: rbac.Upstream})
	require.NoError(t, err)
	create(to, reader.ServiceAccount)
	create(to, reader.ClusterRole)
	create(to, reader.ClusterRoleBinding)
	token := create(to, &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: "istio-system", Name: "istio-reader-service-account-istio-remote-secret-token",
			Annotations: map[string]string{corev1.ServiceAccountNameKey: reader.ServiceAccount.Name},
		},
		Type: corev1.SecretTypeServiceAccountToken,
	})
	filled, err := to.Get(t.Context(), token)
	require.NoError(t, err)
	value := secrets.NewToken(string(filled.(*corev1.Secret).Data["token"]), time.Time{})
	for _, m := range from {
		remote, err := secrets.Build(secrets.Remote{Cluster: to.ID.String(), Endpoint: to.Endpoint, Token: value}, secrets.Options{})
		require.NoError(t, err)
		create(m, remote)
	}
}
