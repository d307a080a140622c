package probe_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/meshpeer/meshpeer/probe"
)

const seenXFCC = `By=spiffe://cluster.local/ns/default/sa/httpbin;Hash=0f5b;Subject="";URI=spiffe://cluster.local/ns/default/sa/sleep`

func TestParseXFCC(t *testing.T) {
	type certs = []probe.ClientCert
	for _, tt := range []struct {
		name, in string
		want     certs
	}{
		{"Istio's", seenXFCC, certs{{{"By", httpbinID.String()}, {"Hash", "0f5b"}, {"Subject", ""}, {"URI", sleepID.String()}}}},
		{"nothing", " ", nil},
		{"two hops", "By=a;URI=b,by=c", certs{{{"By", "a"}, {"URI", "b"}}, {{"by", "c"}}}},
		{"separators in quotes", `Subject="CN=x, O=\"y;z\"";DNS=a;DNS=b`, certs{{{"Subject", `CN=x, O="y;z"`}, {"DNS", "a"}, {"DNS", "b"}}}},
		{"backslashes", `Subject="a\\b\,c\\"`, certs{{{"Subject", `a\b\,c\`}}}},
		{"equal signs", "Cert=a=b==", certs{{{"Cert", "a=b=="}}}},
		{"empty value", "Hash=,By=", certs{{{"Hash", ""}}, {{"By", ""}}}},
		{"blanks after separators", "By=a; URI=\"b\" , By=c ", certs{{{"By", "a"}, {"URI", "b"}}, {{"By", "c"}}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := probe.ParseXFCC(tt.in)
			require.NoError(t, err)
			require.Equal(t, tt.want, got)
			again, err := probe.ParseXFCC(probe.FormatXFCC(got))
			require.NoError(t, err)
			require.Equal(t, got, again)
		})
	}
	got, err := probe.ParseXFCC("by=a;URI=b;BY=c")
	require.NoError(t, err)
	require.Equal(t, []string{"a", "c"}, got[0].Values("By"))
	require.Empty(t, got[0].Values("DNS"))
	require.Equal(t, seenXFCC, probe.FormatXFCC([]probe.ClientCert{{{"By", httpbinID.String()}, {"Hash", "0f5b"}, {"Subject", ""}, {"URI", sleepID.String()}}}))
}

func TestParseXFCCRefuses(t *testing.T) {
	for _, in := range []string{"x", "=a", "By", "By=a,", "By=a;", ";", ",", `Subject="a`, `Subject="a"b`, `Subject="a"=`, `By=a"b"`, `B y=a`, `"By"=a`, `Subject="\`} {
		_, err := probe.ParseXFCC(in)
		require.ErrorContains(t, err, "probe: X-Forwarded-Client-Cert: ", in)
	}
}

func FuzzParseXFCC(f *testing.F) {
	f.Add(seenXFCC)
	f.Add(`Subject="a\\b\"";By=a,URI=b`)
	f.Add(`By=a;Subject="/C=US/CN=x",By= b ;Hash=`)
	f.Fuzz(func(t *testing.T, in string) {
		got, err := probe.ParseXFCC(in)
		if err != nil {
			return
		}
		again, err := probe.ParseXFCC(probe.FormatXFCC(got))
		require.NoError(t, err)
		require.Equal(t, got, again)
	})
}
