//go:build linux

package matrix_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/meshpeer/meshpeer/internal/lab/labtest"
	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/peering/istiod"
	"github.com/meshpeer/meshpeer/peering/preflight"
	"github.com/meshpeer/meshpeer/secrets"
)

// TestHazards rotates a credential as one would by hand, and then with the SDK, side by side.
func TestHazards(t *testing.T) {
	for _, v := range versions {
		t.Run(v.Name, func(t *testing.T) {
			w := inhabited(t, v, v)
			link := peering.Link{From: w.clusters[1], To: w.clusters[0]}
			row := func(column string, test func(t *testing.T) string) { see(t, titleHazards, v.Name, column, test) }
			var known []string
			restarts := false
			for _, h := range preflight.Hazards(v.Tag) {
				if h.When == "" {
					known = append(known, "`"+h.ID+"`")
					restarts = restarts || h.Do == preflight.Restart
				}
			}
			row("hazards in the table", func(*testing.T) string { return strings.Join(known, " ") })
			row("by hand", func(t *testing.T) string {
				labtest.ShareByHand(t, w.Clusters[0], link.From)
				w.synced(t, link)
				return w.aftermath(t, link, func() string {
					w.rotateByHand(t, link)
					return ""
				})
			})
			w.clear(t, link)
			p := w.peering()
			p.RestartIstiods = nil
			report, err := p.Ensure(t.Context(), link)
			labtest.Passed(t, report, err)
			row("Rotate", func(t *testing.T) string {
				return w.aftermath(t, link, func() string {
					_, err := p.Rotate(t.Context(), link)
					var hazard *peering.HazardError
					require.Equal(t, restarts, errors.As(err, &hazard), "%v", err)
					if !restarts {
						require.NoError(t, err)
						return "rotated"
					}
					return "refused: `" + hazard.Hazard.ID + "`"
				})
			})
			row("Rotate with restart", func(t *testing.T) string {
				p.RestartIstiods = w.restart
				return w.aftermath(t, link, func() string {
					_, err := p.Rotate(t.Context(), link)
					require.NoError(t, err)
					return "rotated"
				})
			})
		})
	}
}

// aftermath does a thing to the credential of a link while a client calls over it, and says what came of it.
func (w *world) aftermath(t *testing.T, link peering.Link, do func() string) (cell string) {
	t.Helper()
	there := w.Cluster(link.To.ID.String())
	w.alone(t, link, func() {
		w.asked(t, link)
		c := labtest.Call(t, w.Cluster(link.From.ID.String()), "sleep")
		c.Reach(t, 50)
		var said []string
		if text := do(); text != "" {
			said = append(said, text)
		}
		require.NoError(t, there.Scale(t.Context(), "default", "httpbin", 2))
		require.NoError(t, there.WaitPods(t.Context(), "default", "app=httpbin", 2))
		said = append(said, w.follows(t, link, 2), w.seesLater(t, link))
		require.NoError(t, there.Scale(t.Context(), "default", "httpbin", 1))
		require.NoError(t, there.WaitPods(t.Context(), "default", "app=httpbin", 1))
		answered, bad := c.Stop(t)
		t.Logf("%d requests, %d failed: %v", answered, len(bad), bad[:min(len(bad), 5)])
		said = append(said, fmt.Sprintf("%d of %d requests failed", len(bad), answered))
		cell = strings.Join(said, "; ")
	})
	return cell
}

// seesLater says whether the istiods of a link still see a remote secret that is made afterwards, of the same cluster under
// another name.
func (w *world) seesLater(t *testing.T, link peering.Link) string {
	t.Helper()
	const id = "later"
	remotes, err := secrets.Parse(w.secret(t, link.From, secrets.SecretName(link.To.ID.String())))
	require.NoError(t, err)
	later := remotes[0]
	later.Cluster = id
	made, err := secrets.Build(later, secrets.Options{Name: id})
	require.NoError(t, err)
	_, err = link.From.Objects.Create(t.Context(), made)
	require.NoError(t, err)
	defer func() { require.NoError(t, link.From.Objects.Delete(t.Context(), w.secret(t, link.From, id))) }()
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
	defer cancel()
	for _, replica := range w.Cluster(link.From.ID.String()).Istiods {
		for {
			status, _, err := labtest.Look(t.Context(), replica, id)
			require.NoError(t, err)
			if status == istiod.Synced {
				break
			}
			select {
			case <-ctx.Done():
				return "a later remote secret is not seen"
			case <-time.After(100 * time.Millisecond):
			}
		}
	}
	return "a later remote secret is seen"
}

// follows says whether the istiods of a link come to know so many endpoints of httpbin, and how many they have if not.
func (w *world) follows(t *testing.T, link peering.Link, want int) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
	defer cancel()
	for {
		var have []string
		all := true
		for _, replica := range w.Cluster(link.From.ID.String()).Istiods {
			n, err := labtest.Endpoints(t.Context(), replica, "httpbin", link.To.ID.String())
			require.NoError(t, err)
			gateways, err := replica.Debug(t.Context(), "/debug/networkz")
			require.NoError(t, err)
			text := fmt.Sprint(n)
			if !strings.Contains(string(gateways), `"`+link.To.ID.String()+`"`) {
				text += " and no gateway"
				all = false
			}
			have, all = append(have, text), all && n == want
		}
		if all {
			return "istiod follows"
		}
		select {
		case <-ctx.Done():
			return "istiod does not follow: of " + fmt.Sprint(want) + " endpoints it has " + strings.Join(have, " / ")
		case <-time.After(100 * time.Millisecond):
		}
	}
}
