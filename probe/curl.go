package probe

import (
	"context"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/meshpeer/meshpeer/internal/invalid"
)

// Curl sends requests from inside a workload, by the curl that is in its image; the samples of Istio use
// curlimages/curl (istio/istio samples/curl, samples/sleep).
type Curl struct {
	In Executor // the app container of the workload
}

// Send implements [Sender]. The time limit is curl's own: ending an exec does not end the command in the container.
func (c Curl) Send(ctx context.Context, r Request) (Response, error) {
	u, timeout, err := r.parsed()
	if err != nil {
		return Response{}, err
	}
	if c.In == nil {
		return Response{}, invalid.Field("Curl.In", "", "it is not set", "give an Executor for the workload to ask from")
	}
	if deadline, ok := ctx.Deadline(); ok {
		left := time.Until(deadline)
		timeout = max(min(timeout, left-left/10), time.Millisecond) // curl's verdict has to arrive before the exec is cut
	}
	ctx, cancel := context.WithTimeout(ctx, timeout+execGrace)
	defer cancel()
	out, err := c.In.Exec(ctx, Command{Args: curlArgs(u, r, timeout)})
	if err != nil {
		return Response{}, execError(u, err)
	}
	if out.ExitCode != 0 {
		return Response{}, curlError(u, out)
	}
	response, err := parseCurl(out.Stdout)
	if err != nil {
		return Response{}, &RequestError{Kind: KindOther, URL: shown(u), Detail: err.Error(), Err: err}
	}
	return response, nil
}

// execGrace is what an exec may take on top of the request: it crosses the API server and the kubelet.
const execGrace = 15 * time.Second

// trailer ends curl's output; what stands before the last one is the answer, whatever it holds.
const trailer = "meshpeer-probe-answer"

// curlArgs are plain enough for every curl since 7.19. -i prints the header block before the body; without -f an
// answer of any status is an answer; without -s curl draws progress on a stream that is no terminal; -g takes
// brackets in the URL as they are; --noproxy because a proxy of the environment would go past the mesh.
func curlArgs(u *url.URL, r Request, timeout time.Duration) []string {
	args := []string{
		"curl", "-sS", "-i", "-g", "-o", "-", "--noproxy", "*",
		"--max-time", strconv.FormatFloat(timeout.Seconds(), 'f', 3, 64),
		"-w", "\n" + trailer + " %{http_code} %{time_total}",
	}
	for _, name := range slices.Sorted(maps.Keys(r.Header)) {
		for _, value := range r.Header[name] {
			line := name + ": " + value
			if strings.TrimSpace(value) == "" {
				line = name + ";" // "Name:" would take the header away
			}
			args = append(args, "-H", line)
		}
	}
	return append(args, u.String())
}
