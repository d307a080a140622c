//go:build linux

package node

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"os"
	"strconv"
	"time"
)

// Logs serves /containerLogs/{namespace}/{pod}/{container}: standard output and error of all runs of the container, with
// tailLines, limitBytes and follow of pods/log.
func (a *Agent) Logs(w http.ResponseWriter, r *http.Request) {
	c, err := a.container(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusNotFound)
		return
	}
	data, err := os.ReadFile(c.logFile())
	if err != nil && !os.IsNotExist(err) {
		http.Error(w, "node: the log cannot be read", http.StatusInternalServerError)
		return
	}
	read := int64(len(data))
	if lines, err := strconv.Atoi(r.FormValue("tailLines")); err == nil {
		data = lastLines(data, lines)
	}
	if limit, err := strconv.Atoi(r.FormValue("limitBytes")); err == nil {
		data = data[:min(len(data), max(0, limit))]
	}
	w.Header().Set("Content-Type", "text/plain")
	if _, err := w.Write(data); err != nil || r.FormValue("follow") != "true" {
		return
	}
	follow(r.Context(), w, c, read)
}

func lastLines(data []byte, n int) []byte {
	end := len(bytes.TrimSuffix(data, []byte("\n")))
	for i := end; n > 0; n-- {
		if i = bytes.LastIndexByte(data[:i], '\n'); i < 0 {
			return data
		} else if n == 1 {
			return data[i+1:]
		}
	}
	return nil
}

// follow copies what is appended until the Pod or the client goes.
func follow(ctx context.Context, w http.ResponseWriter, c *container, from int64) {
	flush := http.NewResponseController(w)
	for {
		_ = flush.Flush()
		if !pause(ctx, 100*time.Millisecond) {
			return
		}
		file, err := os.Open(c.logFile())
		if err != nil {
			return // the Pod is gone
		}
		n, err := io.Copy(w, io.NewSectionReader(file, from, 1<<40))
		_ = file.Close()
		if from += n; err != nil {
			return
		}
	}
}
