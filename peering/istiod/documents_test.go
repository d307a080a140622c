package istiod

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// texts is a replica that answers with texts, by path.
func texts(byPath map[string]string) Replica {
	return Replica{Name: "istiod-1", Debug: func(_ context.Context, path string) ([]byte, error) {
		text, ok := byPath[path]
		if !ok {
			return nil, errors.New("no such path")
		}
		return []byte(text), nil
	}}
}

func TestDocumentsOfOthers(t *testing.T) {
	shards := func(r Replica) error { _, err := r.Shards(t.Context()); return err }
	holds := func(r Replica) error { _, err := r.Holding(t.Context(), "west"); return err }
	endpoints := func(r Replica) error {
		_, err := r.Endpoints(t.Context(), "west", "default", "web")
		return err
	}
	clusters := func(r Replica) error { _, err := r.Clusterz(t.Context()); return err }
	for name, c := range map[string]struct {
		ask        func(Replica) error
		path, text string
		err        string
	}{
		"nothing":                {clusters, "/debug/clusterz", "", "EOF"},
		"null":                   {clusters, "/debug/clusterz", "null", ""},
		"empty":                  {clusters, "/debug/clusterz", " [ ] \n", ""},
		"an object for an array": {clusters, "/debug/clusterz", "{}", "{ stands where [ is expected"},
		"a word for an array":    {clusters, "/debug/clusterz", `"x"`, "x stands where [ is expected"},
		"cut":                    {clusters, "/debug/clusterz", `[{"id":"west"}`, "EOF"},
		"cut in between":         {clusters, "/debug/clusterz", `[{"id":"west"},`, "EOF"},
		"more behind":            {clusters, "/debug/clusterz", `[]]`, "invalid character"},
		"another behind":         {clusters, "/debug/clusterz", `[] []`, "text follows"},
		"a number for a name":    {clusters, "/debug/clusterz", `[{"id":1}]`, "cannot unmarshal"},
		"no shards":              {holds, shardz, `{"a":{"default":{"ServiceAccounts":{"x":{}}}}}`, ""},
		"shards null":            {holds, shardz, `{"a":{"default":{"Shards":null}}}`, ""},
		"shards of a word":       {holds, shardz, `{"a":{"default":{"Shards":{"Kubernetes/west":"x"}}}}`, "x stands where [ is expected"},
		"namespaces in an array": {holds, shardz, `{"a":[]}`, "[ stands where { is expected"},
		"shards cut":             {holds, shardz, `{"a":{"default":{"Shards":{"Kubernetes/west":[{"Addresses":["10.0.`, "EOF"},
		"endpoints of a word":    {endpoints, shardz, `{"web.default.svc.cluster.local":"x"}`, "cannot unmarshal"},
		"others of a word":       {endpoints, shardz, `{"other.default.svc.cluster.local":"x"}`, "x stands where { is expected"},
		"html":                   {shards, shardz, `<html>`, "invalid character"},
		"no networkz":            {holds, "/debug/clusterz", `[]`, "no such path"},
	} {
		t.Run(name, func(t *testing.T) {
			answers := map[string]string{"/debug/networkz": "[]", c.path: c.text}
			if err := c.ask(texts(answers)); c.err == "" {
				require.NoError(t, err)
			} else {
				require.ErrorContains(t, err, c.err)
				if c.path == shardz || c.text == "" {
					require.ErrorIs(t, err, ErrNotReady)
					require.ErrorContains(t, err, c.path+" of istiod-1")
				}
			}
		})
	}
}

// TestEndpoints are those of one Service in one cluster, whatever istiod's domain is.
func TestEndpoints(t *testing.T) {
	r := texts(map[string]string{shardz: `{
		"web.default.svc.example.org": {"default": {"ServiceAccounts": {}, "Shards": {
			"Kubernetes/east": [{"Addresses": ["10.1.0.1"]}],
			"Kubernetes/west": [{"Addresses": ["10.2.0.1", "fd00::1"], "ServicePortName": "http", "TLSMode": "istio"}, {"Address": "10.2.0.2"}],
			"External/west": [{"Addresses": ["10.2.0.3"]}]}},
			"other": {"Shards": {"Kubernetes/west": [{"Addresses": ["10.2.0.4"]}]}}},
		"web-2.default.svc.example.org": {"default": {"Shards": {"Kubernetes/west": [{"Addresses": ["10.2.0.5"]}]}}},
		"web.default.example.org": {"default": {"Shards": {"Kubernetes/west": [{"Addresses": ["10.2.0.6"]}]}}}}`})
	found, err := r.Endpoints(t.Context(), "west", "default", "web")
	require.NoError(t, err)
	require.Equal(t, []ShardEndpoint{
		{Addresses: []string{"10.2.0.1", "fd00::1"}, ServicePortName: "http", TLSMode: "istio"}, {Address: "10.2.0.2"},
	}, found)
	found, err = r.Endpoints(t.Context(), "north", "default", "web")
	require.NoError(t, err)
	require.Empty(t, found)
}

func TestHoldingsOf(t *testing.T) {
	r := texts(map[string]string{
		shardz: `{
			"b.default.svc.cluster.local": {"default": {
				"ServiceAccounts": {"spiffe://x": {}},
				"Shards": {"Kubernetes/west": [{"Addresses": ["10.0.0.1"]}, {"Addresses": ["10.0.0.2"]}], "Kubernetes/east": [], "Kubernetes/south": [{}], "External/west": [{}]}
			}},
			"a.default.svc.cluster.local": {"default": {"Shards": {"Kubernetes/west": [{}], "External/east": [{}]}}, "other": {"Shards": {"Kubernetes/west": [{}]}}}
		}`,
		"/debug/networkz": `[
			{"Network": "n1", "Cluster": "west", "Addr": "192.0.2.2", "Port": 15443},
			{"Network": "n1", "Cluster": "west", "Addr": "192.0.2.1", "Port": 15443, "ServiceAccount": {"Namespace": "x"}},
			{"Network": "n3", "Cluster": "south", "Addr": "192.0.2.3", "Port": 15443}
		]`,
	})
	all, err := r.HoldingsOf(t.Context(), "west", "east", "north")
	require.NoError(t, err)
	a, b := Service{"default", "a.default.svc.cluster.local"}, Service{"default", "b.default.svc.cluster.local"}
	one, two := Gateway{"n1", "192.0.2.1", 15443}, Gateway{"n1", "192.0.2.2", 15443}
	other := Service{"other", "a.default.svc.cluster.local"}
	require.Equal(t, map[string]*Holding{
		"west":  NewHolding([]Service{a, b, other}, []Gateway{one, two}),
		"east":  NewHolding(nil, nil),
		"north": NewHolding(nil, nil),
	}, all)
	west := all["west"]
	require.Equal(t, []Service{a, b, other}, west.Services())
	require.Equal(t, []Gateway{one, two}, west.Gateways())

	require.Nil(t, west.Lacks(all["east"]))
	require.Equal(t, west, all["east"].Lacks(west))
	require.Equal(t, NewHolding([]Service{b}, []Gateway{two}), NewHolding([]Service{a, other}, []Gateway{one}).Lacks(west))
	require.True(t, west.Covers(NewHolding([]Service{b}, []Gateway{two})))
	require.False(t, NewHolding([]Service{a, b, other}, []Gateway{one}).Covers(west))

	h, err := r.Holding(t.Context(), "west")
	require.NoError(t, err)
	require.Equal(t, west, h)
	shards, err := r.Shards(t.Context())
	require.NoError(t, err)
	require.Len(t, shards["b.default.svc.cluster.local"]["default"].Shards["Kubernetes/west"], 2)
	gateways, err := r.Gateways(t.Context())
	require.NoError(t, err)
	require.Equal(t, NetworkGateway{Network: "n1", Cluster: "west", Addr: "192.0.2.2", Port: 15443}, gateways[0])
}

// source makes a large document as it is read, and notes how much the reader of it has room for.
type source struct {
	next   func() string // "" at the end
	left   []byte
	total  int
	room   int
	closed bool
}

func (s *source) Read(p []byte) (int, error) {
	s.room = max(s.room, len(p))
	if len(s.left) == 0 {
		s.left = []byte(s.next())
	}
	if len(s.left) == 0 {
		return 0, io.EOF
	}
	n := copy(p, s.left)
	s.left, s.total = s.left[n:], s.total+n
	return n, nil
}

func (s *source) Close() error { s.closed = true; return nil }

func opens(s *source) Replica {
	return Replica{Name: "istiod-1", Open: func(_ context.Context, path string) (io.ReadCloser, error) {
		if path == shardz {
			return s, nil
		}
		return io.NopCloser(strings.NewReader("[]")), nil
	}}
}

// TestLargeDocument has 60 MB in the shards of a hundred services; of which no more than an endpoint is in memory.
func TestLargeDocument(t *testing.T) {
	const hosts, endpoints = 100, 1000
	endpoint := []byte(fmt.Sprintf(`{"Addresses":["10.0.0.1"],"TLSMode":"istio","Labels":{"x":%q}},`, strings.Repeat("x", 520)))
	shard := string(bytes.TrimSuffix(bytes.Repeat(endpoint, endpoints), []byte(",")))
	host := 0
	s := &source{next: func() string {
		defer func() { host++ }()
		switch {
		case host == 0:
			return `{"h0":{"default":{"Shards":{"Kubernetes/west":[` + shard + `]}}}`
		case host < hosts:
			return fmt.Sprintf(`,"h%d":{"default":{"Shards":{"Kubernetes/west":[%s]}}}`, host, shard)
		case host == hosts:
			return "}"
		}
		return ""
	}}
	h, err := opens(s).Holding(t.Context(), "west")
	require.NoError(t, err)
	require.Len(t, h.Services(), hosts)
	require.Greater(t, s.total, 55<<20)
	require.Less(t, s.room, 8<<10)
	require.True(t, s.closed)
}

func TestBounded(t *testing.T) {
	for name, c := range map[string]struct{ whole, part, read int }{
		"as a whole": {5, 9, 5}, "in part": {9, 5, 5}, "neither": {9, 9, 8},
	} {
		t.Run(name, func(t *testing.T) {
			text, err := io.ReadAll(&bounded{Reader: strings.NewReader("12345678"), whole: c.whole, part: c.part})
			require.Len(t, text, c.read)
			if c.read < 8 {
				require.ErrorIs(t, err, errTooLarge)
			} else {
				require.NoError(t, err)
			}
		})
	}
}

func TestTooLarge(t *testing.T) {
	for name, c := range map[string]struct {
		begin, more string
		read        int
	}{
		"endless text":     {`{"a":{"default":{"Shards":{"Kubernetes/west":["`, strings.Repeat("x", 1<<20), maxPart},
		"endless name":     {`{"`, strings.Repeat("x", 1<<20), maxPart},
		"blanks for ever":  {`{}`, strings.Repeat(" ", 1<<20), maxPart},
		"deep without end": {`{"a":{"a":{"a":`, strings.Repeat(`{"a":`, 1000), maxPart},
	} {
		t.Run(name, func(t *testing.T) {
			begun := false
			s := &source{next: func() string {
				if !begun && c.begin != "" {
					begun = true
					return c.begin
				}
				return c.more
			}}
			_, err := opens(s).Holding(t.Context(), "west")
			require.ErrorIs(t, err, ErrNotReady)
			require.LessOrEqual(t, s.total, c.read+len(c.begin))
			require.True(t, s.closed)
		})
	}
}

// TestTexts: what stands in a document is what encoding/json says, whether it is new or not.
func TestTexts(t *testing.T) {
	for _, id := range []string{`west`, `a\"b`, `\u00e9`, `tab\t\\`, `{[,]}`, ``, "\xff"} {
		r := texts(map[string]string{clusterzPath: ` [ {"other": [1, -2.5e3, true, null, {"x": "}"}], "id" : "` + id + `" , "syncStatus":null} ] `})
		var want []RemoteCluster
		body, err := r.Debug(t.Context(), clusterzPath)
		require.NoError(t, err)
		require.NoError(t, json.Unmarshal(body, &want))
		var room []RemoteCluster
		for range 2 {
			room, err = r.clusterz(t.Context(), room)
			require.NoError(t, err)
			require.Equal(t, want, room)
		}
	}
	for _, bad := range []string{`[{"id":"a",}]`, `[{"id":"a"},]`, `[,]`, `[{"id" "a"}]`, `[{"id":tru}]`, `[{id:"a"}]`, `[{"id":"a"}{}]`, `[}`, `[{"id":"a]}`, `[{"x":[1}}]`, `[{"x":01}]`} {
		_, err := texts(map[string]string{clusterzPath: bad}).Clusterz(t.Context())
		require.ErrorIs(t, err, ErrNotReady, bad)
	}
	for text, port := range map[string]int{`15443`: 15443, `null`: 0, `0`: 0} {
		gateways, err := texts(map[string]string{"/debug/networkz": `[{"Port":` + text + `}]`}).Gateways(t.Context())
		require.NoError(t, err)
		require.Equal(t, port, gateways[0].Port)
	}
	for _, bad := range []string{`"1"`, `1.5`, `{}`} {
		_, err := texts(map[string]string{"/debug/networkz": `[{"Port":` + bad + `}]`}).Gateways(t.Context())
		require.ErrorIs(t, err, ErrNotReady, bad)
	}
}
