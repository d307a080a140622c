//go:build linux

package enter

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"k8s.io/klog/v2"
)

// LogName is the file of the state directory with what client-go logs.
const LogName = "client-go.log"

// quiet sends client-go's log to a file. client-go has one logger for the whole process, and writes errors that it gets
// over, such as the end of a watched API server, to standard error otherwise: into the story of the program.
func quiet(state string) error {
	file, err := os.OpenFile(filepath.Join(state, LogName), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("lab: %w", err)
	}
	klog.SetSlogLogger(slog.New(slog.NewTextHandler(file, nil)))
	return nil
}
