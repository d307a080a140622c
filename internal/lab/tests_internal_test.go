//go:build linux

package lab

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

// verdict stands for a *testing.T that remembers how it ended.
type verdict struct{ skipped, failed string }

func (v *verdict) Helper()           {}
func (v *verdict) Skip(args ...any)  { v.skipped = fmt.Sprint(args...) }
func (v *verdict) Fatal(args ...any) { v.failed = fmt.Sprint(args...) }

// Only one word turns failures into skips, and each skip has its reason.
func TestSkipOrFail(t *testing.T) {
	reason := errors.New("lab: no data plane: no Envoy")
	for value, skips := range map[string]bool{
		"": false, "required": false, "optional": true, "Optional": false, "option": false, "0": false, "skip": false, "none": false,
	} {
		t.Run(value, func(t *testing.T) {
			t.Setenv(EnvRequired, value)
			var v verdict
			SkipOrFail(&v, nil)
			require.Zero(t, v)
			SkipOrFail(&v, reason)
			if skips {
				require.Equal(t, "no data plane: no Envoy", v.skipped)
				return
			}
			require.Empty(t, v.skipped)
			require.Contains(t, v.failed, reason.Error())
		})
	}
}
