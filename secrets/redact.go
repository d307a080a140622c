package secrets

import (
	"net/url"
	"regexp"
	"slices"
	"strings"

	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// webToken matches a JSON web token wherever a slip of the keyboard has put it.
var webToken = regexp.MustCompile(`eyJ[-\w]{8,}\.[-\w]+(\.[-\w]*)?`)

// redactURL keeps of a URL what may be shown: no user information, no query, no web token.
func redactURL(raw string) string {
	raw = webToken.ReplaceAllString(raw, redacted)
	u, err := url.Parse(raw)
	switch {
	case err != nil && !strings.ContainsAny(raw, "@?"):
		return raw
	case err != nil, u.User == nil && strings.Contains(raw, "@"):
		return redacted
	}
	if u.User != nil {
		u.User = url.User(redacted)
	}
	if u.RawQuery != "" || u.Fragment != "" {
		u.RawQuery, u.Fragment = redacted, ""
	}
	if u.User == nil && u.RawQuery == "" {
		return raw
	}
	return u.String()
}

// redactor returns a function that takes the credentials of config out of a
// text, for those that stand in a wrong place of the file.
func redactor(config *clientcmdapi.Config) func(string) string {
	var hidden []string
	add := func(values ...string) {
		for _, value := range values {
			// Shorter ones would tear every text apart and are no secrets.
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
	known := strings.NewReplacer(pairs...)
	return func(text string) string { return webToken.ReplaceAllString(known.Replace(text), redacted) }
}
