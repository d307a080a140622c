package curl

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

// Main runs the command and returns its exit code.
func Main(args []string, stdout, stderr io.Writer) int {
	o, err := parse(args)
	if err != nil {
		fmt.Fprintf(stderr, "curl: %v\n", err)
		return codeUsage
	}
	began := time.Now()
	ctx := context.Background()
	if o.maxTime > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, o.maxTime)
		defer cancel()
	}
	out := stdout
	if o.output != "-" {
		file, err := os.Create(o.output)
		if err != nil {
			fmt.Fprintf(stderr, "curl: (%d) Failure writing output to destination\n", codeWrite)
			return codeWrite
		}
		defer file.Close()
		out = file
	}
	t := &transfer{options: o, began: began, out: out}
	failed := t.run(ctx)
	if o.format != "" {
		fmt.Fprint(stdout, t.describe(failed))
	}
	if failed == nil {
		return 0
	}
	if !o.silent || o.showError {
		fmt.Fprintf(stderr, "curl: (%d) %s\n", failed.code, failed.text)
	}
	return failed.code
}

// describe fills in the format of -w.
func (t *transfer) describe(failed *failure) string {
	code := 0
	if failed != nil {
		code = failed.code
	}
	return strings.NewReplacer(
		`\n`, "\n", `\t`, "\t", `\r`, "\r", "%%", "%",
		"%{http_code}", fmt.Sprintf("%03d", t.status), "%{response_code}", fmt.Sprintf("%03d", t.status),
		"%{time_total}", fmt.Sprintf("%.6f", time.Since(t.began).Seconds()),
		"%{size_download}", fmt.Sprint(t.size), "%{exitcode}", fmt.Sprint(code),
		"%{remote_ip}", t.remote.Addr().String(), "%{remote_port}", fmt.Sprint(t.remote.Port()),
	).Replace(t.options.format)
}
