package asmapi

import (
	"os"
	"regexp"
	"strings"
	"unicode"
)

const longest = 300 // runes of a message

// long is a run that is no word, no ID (an ACK cluster's has 33, a request's 36) and no address: it may be a credential.
var long = regexp.MustCompile(`[A-Za-z0-9+/=_-]{41,}`)

// Clean makes what others say fit for a person and a log: one line, no control characters, none of the secrets, no more than
// 300 characters.
func Clean(text string, secrets ...string) string {
	for _, secret := range secrets {
		for _, word := range append([]string{secret}, strings.Fields(secret)...) {
			if len(word) >= 16 && !strings.HasSuffix(word, ":") {
				text = strings.ReplaceAll(text, word, redacted)
			}
		}
	}
	text = long.ReplaceAllString(text, redacted)
	text = strings.Join(strings.FieldsFunc(text, func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) }), " ")
	if runes := []rune(text); len(runes) > longest {
		text = string(runes[:longest]) + "…"
	}
	return text
}

// Leaks says whether the environment makes the official client print what it sends, session tokens included.
func Leaks() bool {
	for name := range strings.SplitSeq(os.Getenv("DEBUG"), ",") {
		switch name {
		case "dara", "tea", "credential":
			return true
		}
	}
	return false
}
