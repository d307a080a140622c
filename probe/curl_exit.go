package probe

import (
	"bytes"
	"fmt"
	"net/url"
	"regexp"
	"strings"
)

// exitKinds are the exit codes of curl that name a cause (curl's manual page, EXIT CODES) and those with which shells
// and container runtimes say that a program cannot be run or is not there.
var exitKinds = map[int]Kind{
	6: KindDNS, 7: KindRefused, 28: KindTimeout, 35: KindTLS, 51: KindTLS, 52: KindEmpty, 56: KindReset, 60: KindTLS, 77: KindTLS,
	126: KindNoCurl, 127: KindNoCurl,
}

// curlError is a run of curl without an answer.
func curlError(u *url.URL, out Output) *RequestError {
	kind, known := exitKinds[out.ExitCode]
	if !known {
		kind = KindOther
	}
	// 7 stands for every failure to connect; curl's words tell a connection that was never answered.
	said := strings.ToLower(string(out.Stderr))
	if kind == KindRefused && (strings.Contains(said, "timed out") || strings.Contains(said, "timeout was reached")) {
		kind = KindTimeout
	}
	return &RequestError{Kind: kind, URL: shown(u), Detail: fmt.Sprintf("exit code %d: %s", out.ExitCode, oneLine(u, out.Stderr))}
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
	return &RequestError{Kind: kind, URL: shown(u), Detail: "exec: " + oneLine(u, []byte(text)), Err: err}
}

// urlSecrets are the parts of a URL within a text that may hold a secret: user info and query.
var urlSecrets = regexp.MustCompile(`(https?://)([^\s"/@]*@)?([^\s"?]*)(\?[^\s"]*)?`)

// oneLine is the last line said that is not empty, short, and without what a URL may hide.
func oneLine(u *url.URL, said []byte) string {
	lines := bytes.Split(bytes.TrimSpace(said), []byte("\n"))
	line := strings.TrimSpace(string(lines[len(lines)-1]))
	line = urlSecrets.ReplaceAllString(line, "$1$3")
	if u.RawQuery != "" {
		line = strings.ReplaceAll(line, u.RawQuery, "…")
	}
	if runes := []rune(line); len(runes) > 300 {
		line = string(runes[:300]) + "…"
	}
	return line
}
