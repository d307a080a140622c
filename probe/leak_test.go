package probe_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/gob"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/meshpeer/meshpeer/probe"
)

// Whatever a secret came in through, nothing that comes out tells it.
func TestNothingLeaks(t *testing.T) {
	secret := rand.Text()
	url := "http://httpbin:8000/status/418?token=" + secret
	withUser := "http://user:" + secret + "@httpbin:8000"
	saysURL := probe.ExecutorFunc(func(_ context.Context, c probe.Command) (probe.Output, error) {
		return probe.NewOutput(3, []byte(secret), []byte("curl: (3) bad URL "+c.Args[len(c.Args)-1])), nil
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
	// What came over the wire is kept where accessors alone reach it.
	response := probe.NewResponse(200, http.Header{"Set-Cookie": {secret}, "Authorization": {secret}}, []byte(secret), time.Second)
	require.Equal(t, secret, response.Header().Get("Set-Cookie"))
	require.Equal(t, secret, string(response.Body()))
	output := probe.NewOutput(1, []byte(secret), []byte(secret))
	require.Equal(t, secret+secret, string(output.Stdout())+string(output.Stderr()))
	answered := &probe.AnswerError{URL: url, Response: response, Want: "200"}
	requested := &probe.RequestError{Kind: probe.KindOther, URL: url, Detail: "bad " + url, Err: errors.New("Get " + url)}
	command := probe.Command{Args: []string{"curl", url, "-H", "X-Key: " + secret}, Stdin: strings.NewReader(secret)}
	request := probe.Request{URL: url, Header: http.Header{"X-Key": {secret}}}
	type hidden struct{ value any }
	type hiddenResponse struct{ value probe.Response }
	type hiddenOutput struct{ value *probe.Output }
	for _, v := range []any{
		response, &response, output, &output, answered, *answered, requested, *requested, command, &command, request, &request,
		probe.Sighting{Response: response, Err: answered},
		[]any{response, output},
		map[string]any{"a": answered},
		hiddenResponse{response},
		hiddenOutput{&output},
		hidden{response},
		hidden{output},
		hidden{probe.Sighting{Response: response}},
		struct{ probe.Response }{response},
		[1]probe.Output{output},
	} {
		for _, text := range printed(t, v) {
			require.NotContains(t, text, secret, "%T", v)
			require.NotContains(t, text, fmt.Sprintf("%x", secret), "%T", v)
			require.NotContains(t, text, strings.Trim(fmt.Sprint([]byte(secret)), "[]"), "%T", v)
			require.NotContains(t, text, base64.StdEncoding.EncodeToString([]byte(secret))[:20], "%T", v)
		}
	}
	for _, v := range []any{response, &output, &probe.AnswerError{URL: "http://httpbin", Response: response}, results, probe.Sighting{Response: response}, hiddenOutput{&output}} {
		require.NotContains(t, dump(reflect.ValueOf(v), 0), secret, "a reflection printer on %T", v)
	}
}

// printed is v by every verb and encoder.
func printed(t *testing.T, v any) []string {
	t.Helper()
	var all []string
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x", "%X", "% x", "%o", "%b", "%U", "%t", "%e"} {
		all = append(all, fmt.Sprintf(verb, v))
	}
	all = append(all, fmt.Sprint(v), fmt.Sprintln(v))
	data, _ := json.Marshal(v)
	all = append(all, string(data))
	data, _ = xml.Marshal(v)
	all = append(all, string(data))
	var b bytes.Buffer
	_ = gob.NewEncoder(&b).Encode(v)
	if _, input := v.(probe.Request); !input { // options of the caller's are his to store
		if _, input := v.(*probe.Request); !input {
			all = append(all, b.String())
		}
	}
	for _, handler := range []func(*bytes.Buffer) slog.Handler{
		func(b *bytes.Buffer) slog.Handler { return slog.NewTextHandler(b, nil) },
		func(b *bytes.Buffer) slog.Handler { return slog.NewJSONHandler(b, nil) },
	} {
		var b bytes.Buffer
		slog.New(handler(&b)).Info("seen", "value", v, slog.Group("in", "value", v))
		all = append(all, b.String())
	}
	return all
}

// dump walks through pointers, interfaces and unexported fields, as spew and others do.
func dump(v reflect.Value, depth int) string {
	if depth > 12 || !v.IsValid() {
		return ""
	}
	var b strings.Builder
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		return dump(v.Elem(), depth+1)
	case reflect.Struct:
		for i := range v.NumField() {
			b.WriteString(dump(v.Field(i), depth+1) + " ")
		}
	case reflect.Slice, reflect.Array:
		if v.Type().Elem().Kind() == reflect.Uint8 && v.Kind() == reflect.Slice {
			return string(v.Bytes())
		}
		for i := range v.Len() {
			b.WriteString(dump(v.Index(i), depth+1) + " ")
		}
	case reflect.Map:
		for _, k := range v.MapKeys() {
			b.WriteString(dump(k, depth+1) + dump(v.MapIndex(k), depth+1) + " ")
		}
	default:
		return v.String()
	}
	return b.String()
}

// TestAnswersAreCopies: what is read of an answer cannot change it, nor can whoever made it.
func TestAnswersAreCopies(t *testing.T) {
	header, body := http.Header{"A": {"b"}}, []byte("body")
	r := probe.NewResponse(200, header, body, time.Second)
	header.Set("A", "c")
	body[0] = 'x'
	r.Body()[0] = 'y'
	r.Header().Set("A", "d")
	require.Equal(t, "body", string(r.Body()))
	require.Equal(t, "b", r.Header().Get("A"))
	require.False(t, r.Cut())
	require.False(t, r.IsZero())
	require.Equal(t, time.Second, r.Took())

	long := probe.NewResponse(200, nil, make([]byte, 1<<20+1), 0)
	require.True(t, long.Cut())
	require.Len(t, long.Body(), 1<<20)
	require.False(t, probe.NewResponse(200, nil, make([]byte, 1<<20), 0).Cut())
	var zero probe.Response
	require.True(t, zero.IsZero())
	require.Zero(t, zero.Status())
	require.Empty(t, zero.Header().Get("A"))
	require.Empty(t, zero.Body())
	require.Empty(t, probe.Output{}.Stdout())
	require.Empty(t, probe.Output{}.Stderr())
	require.Equal(t, "status 200, 4 bytes", r.String())
	require.Equal(t, "exit code 1, 1 and 2 bytes", probe.NewOutput(1, []byte("a"), []byte("bc")).String())
	require.Equal(t, "curl with 1 arguments", probe.Command{Args: []string{"/usr/bin/curl", "a"}}.String())
	require.Equal(t, "no command", probe.Command{}.String())
}
