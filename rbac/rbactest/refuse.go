package rbactest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// refusal is the answer of an API server to a request that it does not authorize (Kubernetes apiserver
// pkg/endpoints/handlers/responsewriters/errors.go, apimachinery pkg/api/errors, NewForbidden).
func refusal(req *http.Request, q question) (*http.Response, error) {
	a := q.access
	what := a.Resource
	if a.Group != "" {
		what += "." + a.Group
	}
	prefix := "forbidden"
	switch {
	case what != "" && a.Name != "":
		prefix = fmt.Sprintf("%s %q is forbidden", what, a.Name)
	case what != "":
		prefix = what + " is forbidden"
	}
	body, err := json.Marshal(metav1.Status{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Status"},
		Status:   metav1.StatusFailure, Reason: metav1.StatusReasonForbidden, Code: http.StatusForbidden,
		Message: prefix + ": " + sanitizer.Replace(q.refused()),
		Details: &metav1.StatusDetails{Name: a.Name, Group: a.Group, Kind: a.Resource},
	})
	if err != nil {
		return nil, fmt.Errorf("rbactest: encode the refusal: %w", err)
	}
	return &http.Response{
		Status: strconv.Itoa(http.StatusForbidden) + " " + http.StatusText(http.StatusForbidden), StatusCode: http.StatusForbidden,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{
			"Content-Type": {"application/json"}, "X-Content-Type-Options": {"nosniff"}, "Content-Length": {strconv.Itoa(len(body))},
		},
		Body: io.NopCloser(bytes.NewReader(body)), ContentLength: int64(len(body)), Request: req,
	}, nil
}

var sanitizer = strings.NewReplacer(`&`, "&amp;", `<`, "&lt;", `>`, "&gt;")

// refused is the sentence of an API server about the question.
func (q question) refused() string {
	a := q.access
	if a.Path != "" {
		return fmt.Sprintf("User %q cannot %s path %q", q.who.User, a.Verb, a.Path)
	}
	what := a.Resource
	if a.Subresource != "" {
		what += "/" + a.Subresource
	}
	where := "at the cluster scope"
	if a.Namespace != "" {
		where = fmt.Sprintf("in the namespace %q", a.Namespace)
	}
	return fmt.Sprintf("User %q cannot %s resource %q in API group %q %s", q.who.User, a.Verb, what, a.Group, where)
}

// closeBody is the duty of a RoundTripper, also of one that sends nothing.
func closeBody(req *http.Request) {
	if req.Body != nil {
		_ = req.Body.Close()
	}
}
