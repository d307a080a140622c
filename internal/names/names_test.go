package names_test

import (
	"crypto/rand"
	"encoding/base64"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/meshpeer/meshpeer/internal/names"
)

func TestLabel(t *testing.T) {
	for in, want := range map[string]string{
		"east":                        "east",
		"prod.eu-west":                "prod-eu-west-6ca8d924",
		"Kubernetes":                  "kubernetes-a37d07fe",
		"---":                         "cb3f91d5",
		strings.Repeat("east-1.", 10): "east-1-east-1-east-1-east-1-east-1-east-1-east-1-east-e2ccd103",
	} {
		require.Equal(t, want, names.Label(in))
	}
}

func TestLabelShowsNoCredential(t *testing.T) {
	raw := base64.RawURLEncoding.EncodeToString([]byte(rand.Text()))
	for _, in := range []string{"eyJhbGciOiJSUzI1NiJ9." + raw + "." + raw, rand.Text(), "hvs." + raw} {
		got := names.Label(in)
		require.Len(t, got, 8, "a hash and nothing else")
		require.Empty(t, validation.IsDNS1123Label(got))
	}
}
