package auditlog_test

import (
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	rbacv1 "k8s.io/api/rbac/v1"

	"github.com/meshpeer/meshpeer/internal/auditlog"
	"github.com/meshpeer/meshpeer/rbac"
)

// endless is a log that is made while it is read, as long as size. Every so often it looks at the heap.
type endless struct {
	size, read, looked int
	event              func(i int) string
	i                  int
	own                int // bytes of the event that is handed on
	rest               string
	peak               uint64 // without those
}

func (e *endless) Read(p []byte) (int, error) {
	if e.rest == "" {
		if e.read >= e.size {
			return 0, io.EOF
		}
		e.rest = e.event(e.i)
		e.own = len(e.rest)
		e.i++
	}
	n := copy(p, e.rest)
	e.rest = e.rest[n:]
	if e.read += n; e.read-e.looked > 5<<20 || e.own > 1<<20 && e.read-e.looked > 1<<20 {
		e.looked = e.read
		e.peak = max(e.peak, live()-uint64(e.own))
	}
	return n, nil
}

// live is the heap that is in use.
func live() uint64 {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}

// A hundred megabytes of log, in which each request is for an object of another name, take no more memory than a few. So it
// is with one long list, and with objects in the log that are larger than what is allowed for.
func TestFromAuditInConstantMemory(t *testing.T) {
	const bound = 2 << 20
	body := `"responseObject":{"kind":"PodList","items":[` + strings.Repeat(`{"metadata":{"name":"x"}},`, 100_000) + `{}]},`
	line := func(i int) string {
		more := ""
		if i%20_000 == 0 {
			more = body // larger than bound
		}
		return fmt.Sprintf(`{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"RequestResponse",%s"auditID":"%036d","stage":%q,"requestURI":"/api/v1/namespaces/ns-%d/pods/object-%d",`+
			`"verb":%q,"user":{"username":"u","groups":["system:authenticated"]},"sourceIPs":["::1"],"userAgent":"controller/v1","objectRef":{"resource":"pods","namespace":"ns-%d","name":"object-%d","apiVersion":"v1"},`+
			`"responseStatus":{"metadata":{},"code":200},"annotations":{"authorization.k8s.io/decision":"allow","authorization.k8s.io/reason":""}}`+"\n",
			more, i/3, []string{auditlog.Received, auditlog.Started, auditlog.Complete}[i%3], i/3%50, i/3, []string{"get", "watch", "update"}[i/3%3], i/3%50, i/3)
	}
	for name, log := range map[string]*endless{
		"lines": {size: 100 << 20, event: line},
		"one list": {size: 25 << 20, event: func(i int) string {
			if i == 0 {
				return `{"kind":"EventList","apiVersion":"audit.k8s.io/v1","items":[` + line(i)
			}
			return "  ," + line(i)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			before := live()
			end := ""
			if name == "one list" {
				end = "]}"
			}
			audit, err := rbac.FromAudit(io.MultiReader(log, strings.NewReader(end)), rbac.AuditOptions{User: "u", Names: 10})
			require.NoError(t, err)
			require.Less(t, log.peak, before+bound, "%d bytes of log, %d events", log.read, audit.Events)
			require.Greater(t, log.peak, uint64(0))
			require.Equal(t, []rbacv1.PolicyRule{{Verbs: []string{"get", "watch", "update"}, APIGroups: []string{""}, Resources: []string{"pods"}}}, audit.NamespaceRules["ns-7"])
			require.Len(t, audit.Allowed, 150)
			t.Logf("%d MB, %d events: %d KB", log.read>>20, audit.Events, (int64(log.peak)-int64(before))>>10)
		})
	}
}
