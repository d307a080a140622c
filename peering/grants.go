package peering

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshpeer/meshpeer/internal/apply"
	"github.com/meshpeer/meshpeer/secrets"
)

// Grant is one live credential of a mesh: a token that opens a cluster, whoever made it. It holds no token.
type Grant struct {
	Cluster        ID           `json:"cluster"`               // what it opens
	ServiceAccount string       `json:"serviceAccount"`        // whom it speaks for
	Kind           secrets.Kind `json:"kind,omitempty"`        // "" for one without an object: it ends only by itself
	Object         string       `json:"object,omitempty"`      // what has to be deleted to end it
	Holders        []string     `json:"holders,omitempty"`     // cluster/namespace/name of the remote secrets that hold it
	Since          time.Time    `json:"since,omitzero"`        // creation of the object
	LastUsed       string       `json:"lastUsed,omitempty"`    // day, as the API server notes it for durable tokens
	Until          time.Time    `json:"until,omitzero"`        // zero: it does not expire
	MadeBy         string       `json:"madeBy"`                // label, Helm release or field manager
	Link           string       `json:"link,omitempty"`        // "from -> to" if it is this module's
	Fingerprint    string       `json:"fingerprint,omitempty"` // first 8 hex digits of SHA-256
}

// Grants lists every token that has a Secret in the istiod namespaces of the clusters, and every other one that their
// remote secrets hold: by cluster, then account, then object. The error names clusters that do not answer; the rest
// is listed anyway.
func Grants(ctx context.Context, clusters ...*Cluster) ([]Grant, error) {
	type view struct {
		tokens, remotes []*corev1.Secret
		err             error
	}
	views := make([]view, len(clusters))
	var wg sync.WaitGroup
	for i, c := range clusters {
		wg.Go(func() {
			all, err := list(ctx, c.Objects, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: c.namespace()}}, "")
			for _, s := range all {
				if s.Labels[secrets.LabelMultiCluster] == "true" {
					views[i].remotes = append(views[i].remotes, s)
				} else if s.Type == corev1.SecretTypeServiceAccountToken || s.Labels[LabelGeneration] != "" {
					views[i].tokens = append(views[i].tokens, s)
				}
			}
			views[i].err = err
		})
	}
	wg.Wait()
	var grants []Grant
	var failed []error
	for i, c := range clusters {
		if views[i].err != nil {
			failed = append(failed, (&Error{From: c.ID, To: c.ID, Stage: StageRead, On: c.ID, Err: views[i].err, Hint: hint(views[i].err)}).printed())
		}
		for _, s := range views[i].tokens {
			grants = append(grants, grantOf(c.ID, s))
		}
	}
	for i, c := range clusters {
		for _, s := range views[i].remotes {
			grants = hold(grants, c.ID, s)
		}
	}
	slices.SortFunc(grants, func(a, b Grant) int {
		return cmp.Or(cmp.Compare(a.Cluster.name, b.Cluster.name), cmp.Compare(a.ServiceAccount, b.ServiceAccount),
			cmp.Compare(a.Object, b.Object), cmp.Compare(a.Fingerprint, b.Fingerprint))
	})
	return each(grants, Grant.printed), errors.Join(failed...)
}

// grantOf reads a token Secret or a marker.
func grantOf(cluster ID, s *corev1.Secret) Grant {
	g := Grant{
		Cluster: cluster, Kind: secrets.KindOf(s), Object: apply.Name(s), Since: s.CreationTimestamp.UTC(), MadeBy: apply.Owner(s),
		ServiceAccount: s.Annotations[corev1.ServiceAccountNameKey], LastUsed: s.Labels["kubernetes.io/legacy-token-last-used"],
	}
	if token := s.Data[corev1.ServiceAccountTokenKey]; len(token) > 0 {
		g.Fingerprint = secrets.NewToken(string(token), time.Time{}).Ref().Fingerprint
	}
	if s.Labels[LabelManagedBy] == ManagedBy {
		g.MadeBy, g.Link = ManagedBy, s.Labels[LabelFrom]+" -> "+s.Labels[LabelTo]
	}
	return g
}

// hold adds a remote secret of cluster as the holder of the tokens in it.
func hold(grants []Grant, cluster ID, s *corev1.Secret) []Grant {
	remotes, err := secrets.Parse(s)
	if err != nil {
		return grants // istiod refuses it
	}
	for _, r := range remotes {
		claims, _ := r.Token.Claims() // an opaque token has none
		ref := r.Token.Ref()
		i := slices.IndexFunc(grants, func(g Grant) bool {
			return g.Fingerprint == ref.Fingerprint || claims.SecretName != "" && g.Cluster.name == r.Cluster && g.Object == "Secret/"+claims.Namespace+"/"+claims.SecretName
		})
		if i < 0 {
			id, err := ParseIstioID(r.Cluster)
			if err != nil {
				continue // not the ID of a cluster
			}
			grants = append(grants, Grant{Cluster: id, ServiceAccount: claims.ServiceAccount, MadeBy: apply.Owner(s), Fingerprint: ref.Fingerprint})
			i = len(grants) - 1
		}
		grants[i].Fingerprint, grants[i].Until = ref.Fingerprint, claims.Expires
		if grants[i].ServiceAccount == "" {
			grants[i].ServiceAccount = claims.ServiceAccount
		}
		grants[i].Holders = append(grants[i].Holders, cluster.String()+"/"+s.Namespace+"/"+s.Name)
	}
	return grants
}
