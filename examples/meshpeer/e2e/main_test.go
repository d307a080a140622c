//go:build linux

package e2e

import (
	"os"
	"testing"

	"github.com/meshpeer/meshpeer/internal/lab"
)

func TestMain(m *testing.M) { os.Exit(lab.RunTests(m)) }
