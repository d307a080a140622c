package main

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/aliyun/credentials-go/credentials"
	"github.com/stretchr/testify/require"

	"github.com/meshpeer/meshpeer/examples/asm-onboard/asmtest"
)

// faults are all that the stand-in can do, and what becomes of it. ends is the exit status; says is in the last line that the
// person reads, or in the findings. again says that the program got over it by itself. The README shows the table.
var faults = []struct {
	fault string
	do    func(*world)
	exit  int
	says  string
}{
	{"throttled 3 times", inject("", asmtest.Throttling, 3), 0, ""},
	{"throttled for ever (`Rejected.Throttling`)", inject("", asmtest.RejectedThrottle, asmtest.Always), 1, "instance: DescribeServiceMeshDetail: throttled"},
	{"503 once, reading", inject("DescribeServiceMeshDetail", asmtest.Unavailable, 1), 0, ""},
	{"503 for ever, reading: the mesh is not \"gone\"", inject("DescribeServiceMeshDetail", asmtest.Unavailable, asmtest.Always), 1, "instance: DescribeServiceMeshDetail: unavailable"},
	{"500 for ever, reading: the same", inject("DescribeClustersInServiceMesh", asmtest.Broken, asmtest.Always), 1, "members: DescribeClustersInServiceMesh: unavailable"},
	{"403, reading: the same", inject("DescribeServiceMeshDetail", asmtest.Forbidden, asmtest.Always), 2, "instance: DescribeServiceMeshDetail: denied"},
	{"`ServiceMesh.NotFound`", inject("DescribeServiceMeshDetail", asmtest.NoSuchMesh, 1), 1, "instance: DescribeServiceMeshDetail: not found"},
	{"an HTML page in place of JSON", inject("DescribeMeshMultiClusterNetwork", asmtest.NoJSON, asmtest.Always), 1, "network: DescribeMeshMultiClusterNetwork: no reply"},
	{"wrong secret of the access key", func(w *world) { w.wrong = true }, 2, "instance: DescribeServiceMeshDetail: denied"},
	{"the cluster does not get beyond \"starting\"", change(func(c *asmtest.Cluster) { c.Stuck = true }), 1, `settle of cluster-2: ASM still says "starting" after 300ms`},
	{"\"running\", with an ErrorMessage", change(func(c *asmtest.Cluster) { c.Joining, c.Message = 0, "quota of load balancers exceeded" }), 1, `settle of cluster-2: ASM says that it is "running", with the message "quota of load balancers exceeded"`},
	{"added, and the reply lost", inject("AddClusterIntoServiceMesh", asmtest.LostReply, 1), 0, ""},
	{"added, the reply lost, listed only after 3 looks", both(inject("AddClusterIntoServiceMesh", asmtest.LostReply, 1), change(func(c *asmtest.Cluster) { c.Hidden = 3 })), 0, ""},
	{"added, and 503", inject("AddClusterIntoServiceMesh", asmtest.UnavailableLate, 1), 0, ""},
	{"not added, and the connection closed", inject("AddClusterIntoServiceMesh", asmtest.LostRequest, 1), 1, "join of cluster-2: whether ASM added it is unknown, it is not seen"},
	{"not added, and 503", inject("AddClusterIntoServiceMesh", asmtest.Unavailable, 1), 0, ""},
	{"403, adding", inject("AddClusterIntoServiceMesh", asmtest.Forbidden, 1), 2, "join of cluster-2: AddClusterIntoServiceMesh: denied"},
	{"400 that quotes the request", inject("AddClusterIntoServiceMesh", asmtest.Quoting, 1), 1, "join of cluster-2: AddClusterIntoServiceMesh: refused"},
	{"a kubeconfig that has ended already", change(func(c *asmtest.Cluster) { c.Expired = 2 }), 0, ""},
	{"nothing but such kubeconfigs", change(func(c *asmtest.Cluster) { c.Expired = 99 }), 1, "access of cluster-2: every kubeconfig that Container Service hands out has ended"},
	{"a kubeconfig that the API server refuses", func(w *world) { w.refused = 1 }, 0, ""},
	{"nothing but such kubeconfigs, of cluster-1", func(w *world) { w.refused = 99 }, 1, "access of cluster-1: its API server refuses new kubeconfigs, too"},
	{"ForbiddenFlag 1", flagged(1, ""), 2, "the caller is no administrator of the cluster"},
	{"ForbiddenFlag 2", flagged(2, ""), 2, "its VPC is not connected with that of the instance: vpc-cluster-2"},
	{"ForbiddenFlag 3", flagged(3, `[{"cluster":"cluster-1","object":"Pod","cidr":"172.16.0.0/24"},{"cluster":"cluster-2","object":"VPC","cidr":"172.16.0.0/16"}]`), 2, "address ranges conflict: Pod of cluster-1 172.16.0.0/24, VPC of cluster-2 172.16.0.0/16"},
	{"ForbiddenFlag 3, and no JSON in ForbiddenInfo", flagged(3, "see the console"), 2, `address ranges conflict; ASM says "see the console"`},
	{"ForbiddenFlag 4", flagged(4, ""), 2, "it has a namespace istio-system: another mesh is or was there"},
	{"ForbiddenFlag 9, which is not documented", flagged(9, "x"), 2, "ForbiddenFlag is 9, which is not documented"},
	{"the cluster is stopped", change(func(c *asmtest.Cluster) { c.State = "stopped" }), 2, `the cluster is "stopped"`},
	{"ASM does not know the cluster", change(func(c *asmtest.Cluster) { c.Unknown = true }), 2, "ASM does not list it among the clusters that could be added"},
	{"networks taken, and not kept", inject("UpdateMeshMultiClusterNetwork", asmtest.Forgotten, 1), 1, "network of cluster-1: ASM took the networks, and shows others"},
	{"taken for added, and not added", inject("AddClusterIntoServiceMesh", asmtest.Forgotten, 1), 1, `settle of cluster-2: ASM still says "not listed"`},
	{"networks written, and the reply lost", inject("UpdateMeshMultiClusterNetwork", asmtest.LostReply, 1), 0, ""},
}

func inject(action string, f asmtest.Failure, times int) func(*world) {
	return func(w *world) { w.asm.Inject(asmtest.Fault{Action: action, Failure: f, Times: times}) }
}

func change(edit func(*asmtest.Cluster)) func(*world) {
	return func(w *world) { w.asm.Change("cluster-2", edit) }
}

func both(first, second func(*world)) func(*world) {
	return func(w *world) { first(w); second(w) }
}

func flagged(n int, info string) func(*world) {
	return change(func(c *asmtest.Cluster) { c.Flag, c.Info = n, info })
}

var request = regexp.MustCompile(` \[request [^]]*\]`)

// Each fault, and what the person reads. The README has the table, and is held to it.
func TestFaults(t *testing.T) {
	rows := []string{"| fault | exit | what one reads |", "|---|---|---|"}
	for _, f := range faults {
		t.Run(f.fault, func(t *testing.T) {
			w := newWorld(t)
			f.do(w)
			got := w.run(t, t.Context(), "-apply")
			require.Equal(t, f.exit, got.exit, got.all())
			require.Contains(t, got.all(), f.says)
			require.LessOrEqual(t, w.asm.Adds("cluster-2"), 1, "added twice")
			reads := "(it got over it)"
			if f.exit != 0 {
				reads = strings.TrimPrefix(request.ReplaceAllString(got.lastLine(), ""), "asm-onboard: ")
				require.NotContains(t, got.stdout, "peered and verified")
				if findings := got.findings(); findings != "" {
					reads = findings
				}
			}
			rows = append(rows, fmt.Sprintf("| %s | %d | %s |", f.fault, f.exit, strings.ReplaceAll(reads, "|", "\\|")))
		})
	}
	if !t.Failed() && len(rows) == len(faults)+2 { // not with -run
		inReadme(t, "faults", strings.Join(rows, "\n"))
	}
}

// findings are those that forbid to go on, as the person reads them.
func (s said) findings() string {
	if !strings.Contains(s.lastLine(), "findings forbid it") {
		return ""
	}
	_, text, _ := strings.Cut(s.stdout, "findings\n")
	return strings.Join(strings.Fields(text), " ")
}

// inReadme holds a part of the README, between two comments, to a text. MESHPEER_UPDATE=1 writes it.
func inReadme(t *testing.T, name, text string) {
	t.Helper()
	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)
	begin, end := "<!-- "+name+" -->\n", "\n<!-- end of "+name+" -->"
	before, rest, found := strings.Cut(string(readme), begin)
	require.True(t, found, "README.md lacks %s", begin)
	had, after, found := strings.Cut(rest, end)
	require.True(t, found, "README.md lacks %s", end)
	if os.Getenv("MESHPEER_UPDATE") == "1" {
		require.NoError(t, os.WriteFile("README.md", []byte(before+begin+text+end+after), 0o644))
		return
	}
	require.Equal(t, text, had, "MESHPEER_UPDATE=1 writes it")
}

func (w *world) credential() credentials.Credential {
	if w.wrong {
		return w.asm.WrongCredential()
	}
	return w.asm.Credential()
}
