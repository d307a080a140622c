package asmtest

import (
	"crypto/rand"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// action is one that the stand-in knows: where it is called, what it must be given (q: in the query, b: in the form), what it does.
type action struct {
	version, method string
	required        []string
	do              func(*Server, Call) (any, *failure)
}

// failure is a refusal.
type failure struct {
	status        int
	code, message string
}

var actions = map[string]action{
	"DescribeServiceMeshDetail":       {"2020-01-11", "POST", []string{"b ServiceMeshId"}, (*Server).detail},
	"DescribeServiceMeshClusters":     {"2020-01-11", "POST", []string{"q ServiceMeshId", "b Limit", "b Offset"}, (*Server).candidates},
	"DescribeClustersInServiceMesh":   {"2020-01-11", "POST", []string{"q ServiceMeshId"}, (*Server).members},
	"AddClusterIntoServiceMesh":       {"2020-01-11", "POST", []string{"b ServiceMeshId", "b ClusterId"}, (*Server).add},
	"DescribeMeshMultiClusterNetwork": {"2020-01-11", "POST", []string{"b ServiceMeshId"}, (*Server).readNetworks},
	"UpdateMeshMultiClusterNetwork":   {"2020-01-11", "POST", []string{"b ServiceMeshId", "b MultiClusterNetworks"}, (*Server).writeNetworks},
	"DescribeServiceMeshKubeconfig":   {"2020-01-11", "POST", []string{"q ServiceMeshId", "q PrivateIpAddress"}, (*Server).meshKubeconfig},
	"DescribeClusterUserKubeconfig":   {"2015-12-15", "GET", []string{"q PrivateIpAddress", "q TemporaryDurationMinutes"}, (*Server).userKubeconfig},
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	name := r.Header.Get("X-Acs-Action")
	known, found := actions[name]
	call := Call{Action: name, Query: first(r.URL.Query()), Body: map[string]string{}}
	if strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded") {
		form, err := url.ParseQuery(string(body))
		if err != nil {
			refuse(w, http.StatusBadRequest, "Invented.Form", "the body is no form")
			return
		}
		call.Body = first(form)
	}
	switch why := s.badSignature(r, body); {
	case why != "":
		refuse(w, http.StatusForbidden, "Invented.SignatureDoesNotMatch", why)
		return
	case !found, known.version != r.Header.Get("X-Acs-Version"), known.method != r.Method:
		refuse(w, http.StatusNotFound, "Invented.NoSuchAction", "there is no action "+name+" of that version and method")
		return
	}
	if call.Query["cluster"] = ""; known.version == "2015-12-15" {
		id, is := strings.CutPrefix(strings.TrimSuffix(r.URL.Path, "/user_config"), "/k8s/")
		if !is {
			refuse(w, http.StatusNotFound, "Invented.NoSuchPath", "there is nothing at "+r.URL.Path)
			return
		}
		call.Query["cluster"] = id
	} else if r.URL.Path != "/" {
		refuse(w, http.StatusNotFound, "Invented.NoSuchPath", "there is nothing at "+r.URL.Path)
		return
	}
	s.calls = append(s.calls, call)
	s.options.Arrived(call)
	for _, parameter := range known.required {
		place, name, _ := strings.Cut(parameter, " ")
		if (place == "q" && call.Query[name] == "") || (place == "b" && call.Body[name] == "") {
			refuse(w, http.StatusBadRequest, "Invented.MissingParameter", "parameter "+name+" is not where it belongs: "+place)
			return
		}
	}
	s.reply(w, known, call)
}

// reply carries a call out, unless a fault keeps it from that.
func (s *Server) reply(w http.ResponseWriter, known action, call Call) {
	fault := s.fault(call.Action)
	if !fault.tookEffect() {
		fault.answer(w, call)
		return
	}
	if mesh := call.Query["ServiceMeshId"] + call.Body["ServiceMeshId"]; known.version == "2020-01-11" && mesh != s.options.Mesh {
		refuse(w, http.StatusNotFound, "ServiceMesh.NotFound", "there is no mesh "+mesh)
		return
	}
	result, refused := known.do(s, call)
	switch {
	case fault != "":
		fault.answer(w, call)
	case refused != nil:
		refuse(w, refused.status, refused.code, refused.message)
	default:
		send(w, http.StatusOK, result)
	}
}

func first(values url.Values) map[string]string {
	all := map[string]string{}
	for k := range values {
		all[k] = values.Get(k)
	}
	return all
}

func refuse(w http.ResponseWriter, status int, code, message string) {
	send(w, status, map[string]string{"Code": code, "Message": message, "RequestId": requestID(), "HostId": "servicemesh.invalid", "Recommend": ""})
}

func send(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json;charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

func requestID() string { return rand.Text() }
