package peering

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/meshpeer/meshpeer/internal/page"
	"github.com/meshpeer/meshpeer/rbac"
	"github.com/meshpeer/meshpeer/secrets"
)

// Intent is all that decides what a link is to be. It holds no secret.
type Intent struct {
	FromUID       string        `json:"fromUID,omitempty"` // UID of kube-system of From; "" if it does not answer
	ToUID         string        `json:"toUID,omitempty"`
	Account       string        `json:"account"`                       // namespace/name of the ServiceAccount in To that From's istiods read as
	Managed       bool          `json:"managed"`                       // whether account and roles are the link's own; else somebody manages them elsewhere
	Rules         string        `json:"rules,omitempty"`               // SHA-256 of the rules of the link's own roles
	Labels        string        `json:"labels,omitempty"`              // of its own account and roles, those that Reader.Labels adds: key=value, by key
	Credential    secrets.Kind  `json:"credential"`                    // kind of token; "custom" from Peering.Tokens
	Lifetime      time.Duration `json:"lifetimeNanoseconds,omitempty"` // asked for, of a bound token
	Server        string        `json:"server"`                        // To's API server, as From's istiod reaches it
	TLSServerName string        `json:"tlsServerName,omitempty"`
	CA            string        `json:"ca,omitempty"`       // SHA-256 of the PEM bundle that From's istiod will trust
	Proxy         string        `json:"proxy,omitempty"`    // without user and password
	Insecure      bool          `json:"insecure,omitempty"` // certificate of the server is not verified
	Secret        string        `json:"secret"`             // namespace/name of the remote secret in From; its key is To's ID
	Adopt         Adoption      `json:"adopt,omitempty"`
	Tolerate      []string      `json:"tolerate,omitempty"` // preflight checks that may fail
	UndoUnsynced  bool          `json:"undoUnsynced,omitempty"`
}

// custom stands for the kind of a token that a source of the caller's gives.
const custom secrets.Kind = "custom"

// intent is an Intent with the values that it describes.
type intent struct {
	Intent
	endpoint   secrets.Endpoint // of To, with its CA
	reader     account          // whom the tokens speak for
	objects    readerObjects    // nil with an existing account
	overGrants []string
	warnings   []string
}

// account is a ServiceAccount by name.
type account struct{ namespace, name string }

func (a account) String() string { return a.namespace + "/" + a.name }

// user is what the API server calls it (k8s.io/apiserver/pkg/authentication/serviceaccount).
func (a account) user() string { return "system:serviceaccount:" + a.namespace + ":" + a.name }

// intend computes what a link is to be, from the options and, where these leave it open, from what From's istiods are.
func (r *run) intend(ctx context.Context, l Link, from, to *snapshot) (*intent, error) {
	in := &intent{reader: account{r.readerNamespace(l.To), r.readerName(l)}}
	chosen := r.endpoint(ctx, l, to)
	if chosen.err != nil {
		return nil, at(l.To.ID, l.whose(), l.endpoint(), chosen.err)
	}
	in.endpoint = chosen.endpoint
	in.warnings = append(in.warnings, chosen.unseen...)
	for _, text := range chosen.warnings {
		in.warnings = append(in.warnings, "the endpoint of "+l.To.ID.String()+" for "+l.From.ID.String()+": "+text)
	}
	if r.Account == nil {
		kit, err := r.render(l, from)
		if err != nil {
			return nil, err
		}
		in.objects, in.Rules, in.overGrants = kit.forLink(l), kit.rulesDigest, kit.overGrants
		in.warnings = append(in.warnings, kit.warnings...)
	}
	in.describe(r, l, from, to)
	return in, nil
}

// describe fills the Intent.
func (in *intent) describe(r *run, l Link, from, to *snapshot) {
	e := in.endpoint
	in.Intent = Intent{
		FromUID: from.uid, ToUID: to.uid,
		Account: in.reader.String(), Managed: r.Account == nil, Rules: in.Rules, Labels: labelText(r.Reader.Labels),
		Credential: cmp.Or(r.kind(), custom),
		Server:     address(e), TLSServerName: e.TLSServerName, CA: fingerprint(e.CA), Proxy: proxy(e.ProxyURL), Insecure: e.InsecureSkipTLSVerify,
		Secret: l.From.namespace() + "/" + secrets.SecretName(l.To.ID.String()),
		Adopt:  r.Adopt, Tolerate: r.Tolerate, UndoUnsynced: r.UndoUnsynced,
	}
	if r.kind() == secrets.KindBound {
		in.Lifetime = r.Lifetime
	}
}

// proxy is the proxy in a URL, without user information.
func proxy(raw string) string {
	scheme, _, _ := strings.Cut(raw, "://")
	if at := hostPort(raw, "80"); at != "" {
		return scheme + "://" + at
	}
	return ""
}

func labelText(labels map[string]string) string {
	var all []string
	for _, key := range slices.Sorted(maps.Keys(labels)) {
		all = append(all, key+"="+labels[key])
	}
	return strings.Join(all, ",")
}

// fingerprint is the SHA-256 of what is public; "" of nothing.
func fingerprint(data []byte) string {
	if len(data) == 0 {
		return ""
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// canonical is the Intent as it goes into the digest of a plan.
func (i Intent) canonical() []byte {
	data, err := json.Marshal(i)
	if err != nil {
		panic(err) // strings and numbers
	}
	return data
}

// readerNamespace is where the readers of a cluster live.
func (p *Peering) readerNamespace(to *Cluster) string {
	if p.Account != nil {
		return cmp.Or(p.Account.Namespace, to.namespace())
	}
	return cmp.Or(p.Reader.Namespace, to.namespace())
}

// readerName is that of the account which a link reads with.
func (p *Peering) readerName(l Link) string {
	if p.Account != nil {
		return p.Account.Name
	}
	return l.reader()
}

// localRoles is the namespace in which readers have Roles besides their ClusterRoles; "" if they have none.
func (p *Peering) localRoles(from *Cluster) string {
	if p.Account == nil && p.Reader.Profile == rbac.Minimal {
		return p.systemNamespace(from)
	}
	return ""
}

// systemNamespace is where From's istiods look for their mesh configuration in To: in a namespace of the name of their own.
func (p *Peering) systemNamespace(from *Cluster) string {
	return cmp.Or(p.Reader.SystemNamespace, from.namespace())
}

// fields are the Intent in the words of a person; with ids, also what only a program compares.
func (i Intent) fields(ids bool) []page.Field {
	var all []page.Field
	add := func(name, value string) {
		if value != "" {
			all = append(all, page.Field{Name: name, Value: value})
		}
	}
	add("endpoint", i.Server)
	add("server name", i.TLSServerName)
	if i.Insecure {
		add("certificate", "NOT VERIFIED")
	}
	add("CA sha256", i.CA)
	add("proxy", i.Proxy)
	kind := string(i.Credential)
	if i.Lifetime > 0 {
		kind += " " + i.Lifetime.String()
	}
	add("credential", kind)
	account := i.Account
	if account != "" && !i.Managed {
		account += " (managed elsewhere)"
	}
	add("account", account)
	add("labels", i.Labels)
	add("secret", i.Secret)
	add("adopt", string(i.Adopt))
	add("tolerated", strings.Join(i.Tolerate, ", "))
	if i.UndoUnsynced {
		add("undo", "if istiod does not sync")
	}
	if ids {
		add("rules sha256", i.Rules)
		add("UID of from", i.FromUID)
		add("UID of to", i.ToUID)
	}
	return all
}

// printed cleans an Intent that may come from a file which somebody edited.
func (i *Intent) printed() *Intent {
	if i == nil {
		return nil
	}
	clean := *i
	for _, field := range []*string{
		&clean.FromUID, &clean.ToUID, &clean.Account, &clean.Rules, &clean.Labels, (*string)(&clean.Credential), &clean.Server, &clean.TLSServerName,
		&clean.CA, &clean.Proxy, &clean.Secret, (*string)(&clean.Adopt),
	} {
		*field = line(*field)
	}
	clean.Tolerate = each(i.Tolerate, line)
	return &clean
}

// describeHosted is the Intent of a link that is only verified.
func (in *intent) describeHosted(l Link, from, to *snapshot) {
	in.Intent = Intent{FromUID: from.uid, ToUID: to.uid, Server: address(l.endpoint())}
}
