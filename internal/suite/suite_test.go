package suite_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/meshpeer/meshpeer/internal/suite"
)

func TestBroken(t *testing.T) {
	bad := errors.New("bad")
	rules := []suite.Rule{
		{"holds", func(context.Context) error { return nil }},
		{"does not", func(context.Context) error { return bad }},
		{"panics", func(context.Context) error { panic("no such field") }},
	}
	broken, errs := suite.Broken(t.Context(), rules)
	require.Len(t, broken, 2)
	require.ErrorIs(t, errs[0], bad)
	require.EqualError(t, errs[1], "panics: it panics: no such field")
}

func TestWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start, bad := time.Now(), errors.New("bad")
		require.NoError(t, suite.Await(t.Context(), time.Minute, func() error {
			if time.Since(start) < 3*time.Second {
				return bad
			}
			return nil
		}))
		require.Equal(t, bad, suite.Await(t.Context(), time.Second, func() error { return bad }))
		require.ErrorContains(t, suite.Promptly(func() error { time.Sleep(time.Minute); return nil }), "does not come back")
		require.Equal(t, bad, suite.Promptly(func() error { return bad }))
		require.Error(t, suite.Ended(t.Context()).Err())
		require.NoError(t, suite.Ends(func() error { return bad }))
		require.ErrorContains(t, suite.Ends(func() error { return nil }), "succeeds")
		require.ErrorContains(t, suite.Ends(func() error { time.Sleep(time.Minute); return bad }), "does not come back")
		time.Sleep(time.Minute)
	})
}
