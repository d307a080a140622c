package invalid_test

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/meshpeer/meshpeer/internal/invalid"
)

func TestField(t *testing.T) {
	err := invalid.Field("Options.Name", "a\nb", "is not a name", "use letters")
	require.EqualError(t, err, `Options.Name "a\nb": is not a name; use letters`)
	require.EqualError(t, invalid.Field("Options.Name", "", "is empty", ""), "Options.Name: is empty")
	require.NoError(t, errors.Unwrap(err))
	require.ErrorIs(t, err.Because(io.EOF), io.EOF)
}

func TestFieldHidesCredentialsEverywhere(t *testing.T) {
	secret := "hvs." + rand.Text()
	err := invalid.Field("Labels["+secret+"]", secret, "differs from "+secret, "drop "+secret)
	require.NotContains(t, err.Error(), secret)
	out, jsonErr := json.Marshal(err)
	require.NoError(t, jsonErr)
	require.NotContains(t, string(out), secret)
}
