package probe

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
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
	if missing(c.In) {
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
	if out.ExitCode() != 0 {
		return Response{}, curlError(u, out)
	}
	response, err := parseCurl(out.Stdout())
	if err != nil {
		return Response{}, unanswered(KindOther, u, err.Error(), err)
	}
	return response, nil
}

// execGrace is what an exec may take on top of the request: it crosses the API server and the kubelet.
const execGrace = 15 * time.Second

// trailer ends curl's output; what stands before the last one is the answer, whatever it holds.
const trailer = "meshpeer-probe-answer"

// curlArgs are plain enough for every curl since 7.19. -i prints the header block before the body; without -f an
// answer of any status is an answer; without -s curl draws progress on a stream that is not a terminal; -g takes
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

// saying is what words of curl's mean.
type saying struct {
	words string
	kind  Kind
}

// unreachable are the words of glibc and musl for a way that does not exist, or an IP family that the client does not have.
var unreachable = []saying{
	{"no route to host", KindUnreachable},
	{"host is unreachable", KindUnreachable},
	{"host unreachable", KindUnreachable},
	{"network is unreachable", KindUnreachable},
	{"network unreachable", KindUnreachable},
	{"network is down", KindUnreachable},
	{"host is down", KindUnreachable},
	{"cannot assign requested address", KindUnreachable},
	{"address not available", KindUnreachable},
	{"address family not supported", KindUnreachable},
}

// exits says what the exit codes of curl mean (curl's manual page, EXIT CODES), and those with which shells and container
// runtimes say that a program cannot be run or is not there. Where a code stands for several failures, the first of words
// that curl's last line has decides; "" is any. The words are those of curl 7.29 to 8.15 with OpenSSL, wolfSSL, mbedTLS
// and both of its resolvers (curl/curl lib/connect.c, lib/hostip.c, lib/asyn-ares.c, lib/multi.c, lib/strerror.c), and those
// of glibc and musl for the system's errors.
var exits = map[int][]saying{
	2: {{"", KindNoCurl}}, // one that cannot start, or does not know its options
	5: {{"", KindDNS}},
	6: {
		{"timeout while contacting", KindResolver},
		{"could not contact dns", KindResolver},
		{"general failure", KindResolver},
		{"refused query", KindResolver},
		{"temporary failure", KindResolver},
		{"try again", KindResolver},
		{"resolving timed out", KindResolver},
		{"", KindDNS},
	},
	7: append(slices.Clone(unreachable), []saying{
		{"connection refused", KindRefused},
		{"permission denied", KindBlocked},
		{"operation not permitted", KindBlocked},
		{"timed out", KindConnectTimeout},
		{"timeout", KindConnectTimeout},
		{"", KindConnect},
	}...),
	28: {
		{"resolving timed out", KindResolver},
		{"could not resolve", KindResolver},
		{"ssl connection", KindTimeout},
		{"connect() timed out", KindConnectTimeout},
		{"name lookup timed out", KindResolver},
		{"connection timed out", KindConnectTimeout},
		{"failed to connect", KindConnectTimeout},
		{"connection time-out", KindConnectTimeout},
		{"connection timeout", KindConnectTimeout},
		{"", KindTimeout},
	},
	35: {{"", KindTLS}}, 51: {{"", KindTLS}}, 60: {{"", KindTLS}}, 77: {{"", KindTLS}}, 83: {{"", KindTLS}}, 91: {{"", KindTLS}},
	52:  {{"", KindEmpty}},
	55:  append(slices.Clone(unreachable), saying{"", KindReset}),
	56:  append(slices.Clone(unreachable), []saying{{"proxy", KindOther}, {"timed out", KindTimeout}, {"ssl", KindTLS}, {"tls", KindTLS}, {"", KindReset}}...),
	18:  {{"", KindTruncated}},
	126: {{"", KindNoCurl}}, 127: {{"", KindNoCurl}},
}

// curlError is a run of curl without a whole answer. If any of one came, that it was cut is the cause, whatever the code:
// with -i the header block stands before the trailer, and the trailer's status is 000 only if none came.
func curlError(u *url.URL, out Output) *RequestError {
	kind, said := KindOther, lastLine(out.Stderr())
	// What the host is called says nothing of the failure.
	words := strings.ReplaceAll(strings.ToLower(said), "to "+strings.ToLower(u.Hostname())+" port", "to host port")
	words = strings.ReplaceAll(words, "to "+strings.ToLower(u.Host)+";", "to host;")
	if out.ExitCode() > 128 {
		kind = KindExec // by a signal: it ran out of memory, or its container ended
	}
	for _, row := range exits[out.ExitCode()] {
		if strings.Contains(words, row.words) {
			kind = row.kind
			break
		}
	}
	if kind != KindNoCurl && started(out.Stdout()) {
		kind = KindTruncated
	}
	return unanswered(kind, u, fmt.Sprintf("exit code %d: %s", out.ExitCode(), said), nil)
}

// started reports whether curl's output holds anything of an answer.
func started(out []byte) bool {
	end := bytes.LastIndex(out, []byte("\n"+trailer+" "))
	if end < 0 {
		return len(bytes.TrimSpace(out)) > 0
	}
	fields := strings.Fields(string(out[end+1+len(trailer):]))
	return end > 0 || len(fields) == 0 || strings.Trim(fields[0], "0") != ""
}

// execError is a curl that could not be run. What an API server says is known by its words only: this package imports no
// Kubernetes. A missing program is told by runc and crun as "executable file not found" or "no such file".
func execError(u *url.URL, err error) *RequestError {
	text := err.Error()
	kind := KindExec
	switch {
	case strings.Contains(text, "executable file not found"), strings.Contains(text, "no such file or directory"):
		kind = KindNoCurl
	case strings.Contains(strings.ToLower(text), "forbidden"):
		kind = KindForbidden
	}
	return unanswered(kind, u, "exec: "+lastLine([]byte(text)), err)
}

// lastLine is the last line said that is not empty.
func lastLine(said []byte) string {
	lines := bytes.Split(bytes.TrimSpace(said), []byte("\n"))
	return strings.TrimSpace(string(lines[len(lines)-1]))
}

var errCurlOutput = errors.New("curl's output cannot be read")

// parseCurl reads header blocks, body and trailer. Of several blocks the last counts: the others are interim answers
// (1xx, RFC 9110 section 15.2).
func parseCurl(out []byte) (Response, error) {
	end := bytes.LastIndex(out, []byte("\n"+trailer+" "))
	if end < 0 {
		return Response{}, fmt.Errorf("%w: it does not end with its trailer", errCurlOutput)
	}
	fields := strings.Fields(string(out[end+1+len(trailer):]))
	if len(fields) != 2 {
		return Response{}, fmt.Errorf("%w: the trailer has %d fields, not 2", errCurlOutput, len(fields))
	}
	code, codeErr := strconv.Atoi(fields[0])
	// Some locales print a decimal comma.
	seconds, secondsErr := strconv.ParseFloat(strings.Replace(fields[1], ",", ".", 1), 64)
	if codeErr != nil || secondsErr != nil || seconds < 0 || seconds > 1e6 {
		return Response{}, fmt.Errorf("%w: the trailer holds no status and time", errCurlOutput)
	}
	rest := out[:end]
	for {
		status, header, body, err := headerBlock(rest)
		if err != nil {
			return Response{}, err
		}
		if status >= 100 && status < 200 && status != http.StatusSwitchingProtocols {
			rest = body
			continue
		}
		if status != code {
			return Response{}, fmt.Errorf("%w: status line says %d, trailer %d", errCurlOutput, status, code)
		}
		return NewResponse(status, header, body, time.Duration(seconds*float64(time.Second))), nil
	}
}
