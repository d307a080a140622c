package rbac_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/meshpeer/meshpeer/rbac"
)

func TestVersionForms(t *testing.T) {
	same := func(version, as string) {
		t.Run(version, func(t *testing.T) {
			got := render(t, rbac.Options{Profile: rbac.RemoteControlPlane, IstioVersion: version})
			require.Equal(t, render(t, rbac.Options{Profile: rbac.RemoteControlPlane, IstioVersion: as}), got)
		})
	}
	same("", "1.31")
	same("v1.27", "1.27")
	same("1.26.8", "1.26")
	same("1.21-dev", "1.21")
	same("v1.22.6.78-gd3ac4cbd-aliyun", "1.22")
	same("1.28.0+build.5", "1.28")
	for _, version := range []string{"1", "1.", ".27", "v", "1.27.", "1.027", "1.27 ", " 1.27", "1.27.x", "1.27-", "1.27.3_a", "-1.27", "1.99999", "vv1.27", "1.27\n"} {
		t.Run("refused "+version, func(t *testing.T) {
			_, err := rbac.Render(rbac.Options{Profile: rbac.Upstream, IstioVersion: version})
			var oe *rbac.FieldError
			require.ErrorAs(t, err, &oe)
			require.NotErrorIs(t, err, rbac.ErrVersionTooOld)
			_, err = rbac.Render(rbac.Options{IstioVersion: version})
			require.ErrorAs(t, err, &oe, "the form is checked for every profile")
		})
	}
}

func TestVersionTooOld(t *testing.T) {
	for _, profile := range []rbac.Profile{rbac.Upstream, rbac.RemoteControlPlane, rbac.Minimal} {
		for _, version := range []string{"1.18.7", "1.0", "0.8"} {
			_, err := rbac.Render(rbac.Options{Profile: profile, IstioVersion: version})
			require.ErrorIs(t, err, rbac.ErrVersionTooOld)
			require.EqualError(t, err, `Options.IstioVersion "`+version+`": is older than 1.19, the oldest whose charts are known; upgrade istiod, or use profile asm, which does not vary by version`)
		}
	}
}

func TestVersionWarnings(t *testing.T) {
	newest := render(t, rbac.Options{Profile: rbac.Upstream, IstioVersion: "1.31.2"})
	require.Empty(t, newest.Warnings)
	for _, version := range []string{"1.32.0", "1.100", "2.0"} {
		newer := render(t, rbac.Options{Profile: rbac.Upstream, IstioVersion: version})
		require.Equal(t, newest.ClusterRole, newer.ClusterRole)
		require.Equal(t, []string{`IstioVersion "` + version + `" is newer than 1.31, the newest whose charts are known: rendered as 1.31; compare with its own chart`}, newer.Warnings)
	}
	require.Len(t, render(t, rbac.Options{Profile: rbac.Minimal, IstioVersion: "1.32"}).Warnings, 1)
}

func TestParseProfile(t *testing.T) {
	for name, want := range map[string]rbac.Profile{
		"": rbac.ASM, "asm": rbac.ASM, "upstream": rbac.Upstream, "remote-control-plane": rbac.RemoteControlPlane, "minimal": rbac.Minimal,
	} {
		got, err := rbac.ParseProfile(name)
		require.NoError(t, err)
		require.Equal(t, want, got)
		again, err := rbac.ParseProfile(got.String())
		require.NoError(t, err)
		require.Equal(t, got, again)
	}
	require.Equal(t, "asm", rbac.Profile("").String())
	_, err := rbac.ParseProfile("ASM")
	require.EqualError(t, err, `profile "ASM": is unknown; use one of asm, upstream, remote-control-plane, minimal`)
	var oe *rbac.FieldError
	require.ErrorAs(t, err, &oe)
}
