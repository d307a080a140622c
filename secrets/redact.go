package secrets

import (
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"

	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/meshpeer/meshpeer/internal/printable"
)

var (
	plainHost = regexp.MustCompile(`^([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:\d{0,5})?$`)
	plainPath = regexp.MustCompile(`^(/[A-Za-z0-9._~-]+)*/?$`)
	// schemeless is what people write without a scheme: a host with a port, or a name with dots.
	schemeless   = regexp.MustCompile(`^[A-Za-z0-9_-]+((\.[A-Za-z0-9_-]+)*:\d{1,5}|(\.[A-Za-z0-9_-]+)+)$`)
	shownSchemes = []string{"http", "https", "socks5", "socks5h", "socks4", "ftp", "ws", "wss", "tcp"}
)

// shownURL is what may be shown of a URL, and the one place that decides it: the
// scheme, the host, the port and a path that looks like one. A user is REDACTED,
// so is a query. A URL that does not parse, or in which a credential may stand
// where a reader of URLs does not look for it, is REDACTED whole.
func shownURL(raw string) string {
	if raw == "" {
		return ""
	}
	if schemeless.MatchString(raw) && printable.Value(raw) == raw {
		return raw
	}
	u, err := url.Parse(raw)
	if err != nil || !slices.Contains(shownSchemes, u.Scheme) || len(u.Host) > 300 || !plainHost.MatchString(u.Host) || shownHost(u.Hostname()) != u.Hostname() {
		return redacted
	}
	// A password with a slash, a question mark or a number sign ends the host early:
	// what follows then is the rest of it, up to the at sign.
	_, rest, _ := strings.Cut(raw, "://")
	if i := strings.IndexAny(rest, "/?#"); i >= 0 && strings.ContainsAny(rest[i:], "@%") {
		return redacted
	}
	shown := u.Scheme + "://"
	if u.User != nil {
		shown += redacted + "@"
	}
	shown += u.Host
	switch {
	case plainPath.MatchString(u.Path) && printable.Value(u.Path) == u.Path:
		shown += u.Path
	default:
		shown += "/" + redacted
	}
	if strings.ContainsAny(rest, "?#") {
		shown += "?" + redacted
	}
	if !strings.Contains(shown, redacted) {
		return raw // nothing to hide: as it was written
	}
	return shown
}

// shownHost is a host or server name as far as it may be shown. One with dots is
// shown although a label of it may look random: the names of EKS clusters do.
func shownHost(host string) string {
	if _, err := netip.ParseAddr(host); err == nil || isHostName(host) && strings.Contains(host, ".") {
		return printable.Line(host)
	}
	return printable.Value(host)
}

// clusterID is a lower-case DNS label, as the ID of a cluster usually is.
var clusterID = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$`)

// shownName is a name that others gave, as far as it may be shown. A lower-case
// label is shown although it may look random: the IDs of ACK clusters do.
func shownName(name string) string {
	if clusterID.MatchString(name) && printable.Line(name) == name {
		return name
	}
	return printable.Value(name)
}

// redactor returns a function that takes the credentials of config out of a
// text, for those that stand in a wrong place of the file.
func redactor(config *clientcmdapi.Config) func(string) string {
	var hidden []string
	add := func(values ...string) {
		for _, value := range values {
			// Shorter ones are in every text and are not secrets.
			if value = strings.TrimSpace(value); len(value) >= 4 {
				hidden = append(hidden, value)
			}
		}
	}
	if config != nil {
		for _, user := range config.AuthInfos {
			add(user.Token, user.Password, string(user.ClientKeyData))
			if user.AuthProvider != nil {
				for _, value := range user.AuthProvider.Config {
					add(value)
				}
			}
		}
		for _, cluster := range config.Clusters {
			if u, err := url.Parse(cluster.ProxyURL); err == nil && u.User != nil {
				password, _ := u.User.Password()
				add(password)
			}
		}
	}
	// One may begin with another, and what is left of it is still a secret.
	slices.SortFunc(hidden, func(a, b string) int { return len(b) - len(a) })
	var pairs []string
	for _, value := range hidden {
		pairs = append(pairs, value, redacted)
	}
	return func(text string) string {
		if !slices.ContainsFunc(hidden, func(value string) bool { return strings.Contains(text, value) }) {
			return text // what the replacer prepares is as large as what it looks for
		}
		return strings.NewReplacer(pairs...).Replace(text)
	}
}
