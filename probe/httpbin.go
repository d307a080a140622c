package probe

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
)

var errNotHTTPBin = errors.New("probe: the body is not that of an httpbin")

// words is a header's value in the JSON of either httpbin: Python's writes a string, go-httpbin a list of them.
type words []string

func (w *words) UnmarshalJSON(data []byte) error {
	var one string
	if json.Unmarshal(data, &one) == nil {
		*w = words{one}
		return nil
	}
	return json.Unmarshal(data, (*[]string)(w))
}

// headersIn reads the answer of /headers: what the server's app was sent.
func headersIn(body []byte) (http.Header, error) {
	var answer struct {
		Headers map[string]words `json:"headers"`
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return nil, fmt.Errorf("%w: %w", errNotHTTPBin, err)
	}
	if answer.Headers == nil {
		return nil, fmt.Errorf("%w: it has no headers", errNotHTTPBin)
	}
	header := http.Header{}
	for name, values := range answer.Headers {
		for _, value := range values {
			header.Add(name, value)
		}
	}
	return header, nil
}

// envCluster is the variable that names the cluster; go-httpbin shows those that begin with HTTPBIN_ENV_ from v2.16.0 on.
const envCluster = "HTTPBIN_ENV_CLUSTER"

// dummyHostname is what go-httpbin says unless USE_REAL_HOSTNAME is set (mccutchen/go-httpbin README).
const dummyHostname = "go-httpbin"

// selfIn reads the answer of /env or /hostname: who the app says it is. Either may be "".
func selfIn(body []byte) (cluster, pod string, err error) {
	var answer struct {
		Hostname string            `json:"hostname"`
		Env      map[string]string `json:"env"`
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return "", "", fmt.Errorf("%w: %w", errNotHTTPBin, err)
	}
	return answer.Env[envCluster], answer.Hostname, nil
}
