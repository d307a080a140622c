package probe_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/meshpeer/meshpeer/probe"
)

// Whatever a secret came in through, nothing that comes out tells it.
func TestNothingLeaks(t *testing.T) {
	secret := rand.Text()
	url := "http://httpbin:8000/status/418?token=" + secret
	withUser := "http://user:" + secret + "@httpbin:8000"
	saysURL := probe.ExecutorFunc(func(_ context.Context, c probe.Command) (probe.Output, error) {
		return probe.Output{Stdout: []byte(secret), Stderr: []byte("curl: (3) bad URL " + c.Args[len(c.Args)-1]), ExitCode: 3}, nil
	})
	refuses := probe.ExecutorFunc(func(_ context.Context, c probe.Command) (probe.Output, error) {
		return probe.Output{}, errors.New("Post \"https://10.0.0.1/exec?command=" + secret + "\": forbidden")
	})
	panics := probe.ProberFunc(func(context.Context) probe.Result { panic(secret) })
	answer := says(500, secret, "Set-Cookie", secret)

	results := probe.Run(
		t.Context(), probe.RunOptions{}, panics,
		probe.HTTP{From: probe.Curl{In: saysURL}, Request: probe.Request{URL: url}},
		probe.HTTP{From: probe.Curl{In: refuses}, Request: probe.Request{URL: url}},
		probe.HTTP{Request: probe.Request{URL: withUser}},
		probe.HTTP{Request: probe.Request{URL: "http://httpbin", Header: http.Header{"Authorization": {secret}}}},
		probe.HTTP{From: answer, Request: probe.Request{URL: url}},
		probe.Teapot{From: answer, URL: withUser},
		probe.Identity{From: answer, URL: withUser},
		probe.Who{From: answer, URL: withUser},
	)
	require.Len(t, results, 9)
	for _, r := range results {
		require.NotEqual(t, probe.Passed, r.Status)
		data, err := json.Marshal(r)
		require.NoError(t, err)
		for _, text := range []string{string(data), fmt.Sprintf("%v", r), fmt.Sprintf("%+v", r), r.Err.Error()} {
			require.NotContains(t, text, secret)
		}
	}
	response := probe.Response{Status: 200, Header: http.Header{"Set-Cookie": {secret}}, Body: []byte(secret)}
	output := probe.Output{Stdout: []byte(secret), Stderr: []byte(secret), ExitCode: 1}
	wrapped := &probe.AnswerError{URL: "http://httpbin", Response: response, Want: "200"}
	for _, v := range []any{response, output, wrapped, *wrapped} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
			require.NotContains(t, fmt.Sprintf(verb, v), secret)
		}
	}
}
