package probe

// Source is where a [Sign] comes from. Signs of one source are not independent: they can be wrong together.
type Source string

// The sources.
const (
	FromApp       Source = "app"            // what the answering app says of itself
	FromProxy     Source = "client-proxy"   // what the client's Envoy has and counted
	FromEndpoints Source = "endpoint-slice" // what the clusters' API servers say is ready
)

// Sign is one piece of evidence of which cluster answered.
type Sign struct {
	Source   Source `json:"source"`
	Cluster  string `json:"cluster,omitempty"` // "": the sign says nothing
	Evidence string `json:"evidence"`          // what was seen, or why it says nothing
}

// Attribution is which cluster answered a request.
type Attribution struct {
	Cluster string `json:"cluster,omitempty"` // "": unknown
	Proof   Proof  `json:"proof"`
	Signs   []Sign `json:"signs,omitempty"`
}

// Attribute weighs the signs of one answer. Signs of two sources that agree prove a cluster; one source is observed; no
// sign, or signs that disagree, leave it unknown.
func Attribute(signs ...Sign) Attribution {
	a := Attribution{Proof: Unproved, Signs: signs}
	sources := map[Source]bool{}
	for _, s := range signs {
		if s.Cluster == "" {
			continue
		}
		if a.Cluster != "" && a.Cluster != s.Cluster {
			return Attribution{Proof: Unproved, Signs: signs}
		}
		a.Cluster = s.Cluster
		sources[s.Source] = true
	}
	switch {
	case len(sources) >= 2:
		a.Proof = Proved
	case len(sources) == 1:
		a.Proof = Observed
	}
	return a
}

// String is one line: the cluster, how far it is shown, and every sign.
func (a Attribution) String() string {
	text := "unknown"
	switch a.Proof {
	case Proved:
		text = a.Cluster + " (proved)"
	case Observed:
		text = a.Cluster + " (observed by one sign)"
	}
	for i, s := range a.Signs {
		separator := "; "
		if i == 0 {
			separator = ": "
		}
		text += separator + string(s.Source) + ": " + s.Evidence
	}
	return text
}
