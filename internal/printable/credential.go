package printable

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// Redacted replaces a credential.
const Redacted = "REDACTED"

// forms are credentials that show by their form alone, wherever they stand. A text without any of the signs of a form is not
// searched for it. Signs in small letters stand for capitals, too, where fold is set.
var forms = []struct {
	signs []string
	fold  bool
	form  *regexp.Regexp
	with  string
}{
	{[]string{"eyJ"}, false, regexp.MustCompile(`eyJ[-\w]{8,}(\.[-\w]*)*`), Redacted}, // a JSON web token, or the part of one
	{[]string{"-----BEGIN"}, false, regexp.MustCompile(`(?s)-----BEGIN [A-Z0-9 ]*PRIVATE KEY.*?(-----END [A-Z0-9 ]*PRIVATE KEY-----|$)`), Redacted},
	{[]string{"bearer", "basic"}, true, regexp.MustCompile(`(?i)\b(bearer|basic)(\s+|%20)[-\w.~+/=]{8,}`), "$1 " + Redacted},
	{[]string{"//"}, false, regexp.MustCompile(`//[^\s"'<>]*@`), "//" + Redacted + "@"},             // user information of a URL
	{[]string{"hvs.", "hvb.", "hvr."}, false, regexp.MustCompile(`\bhv[sbr]\.[-\w]{8,}`), Redacted}, // HashiCorp Vault
	{[]string{"k8s-aws-v1.", "ya29.", "gh"}, false, regexp.MustCompile(`\b(k8s-aws-v1\.|ya29\.|gh[pousr]_)[-\w.]{8,}`), Redacted},
}

func hideForms(text string) string {
	given := text
	for _, f := range forms {
		contains := strings.Contains
		if f.fold {
			contains = containsFold
		}
		if slices.ContainsFunc(f.signs, func(sign string) bool { return contains(given, sign) }) {
			text = f.form.ReplaceAllString(text, f.with)
		}
	}
	if joined(given) {
		text = bootstrapToken.ReplaceAllString(text, Redacted)
	}
	return text
}

// containsFold is strings.Contains for a word in small letters, whatever the letters of text are. It makes no copy.
func containsFold(text, word string) bool {
	for i := range len(text) - len(word) + 1 {
		if text[i]|' ' == word[0] && strings.EqualFold(text[i:i+len(word)], word) {
			return true
		}
	}
	return false
}

var bootstrapToken = regexp.MustCompile(`\b[a-z0-9]{6}\.[a-z0-9]{16}\b`) // of Kubernetes

// joined says whether a dot of text stands between runs as long as those of a bootstrap token. Most texts have a dot.
func joined(text string) bool {
	before := 0
	for i := range len(text) {
		switch c := text[i]; {
		case alphanumeric(c):
			before++
			continue
		case c == '.' && before >= 6:
			after := 0
			for _, c := range []byte(text[i+1 : min(i+17, len(text))]) {
				if alphanumeric(c) {
					after++
				}
			}
			if after == 16 {
				return true
			}
		}
		before = 0
	}
	return false
}

func alphanumeric(c byte) bool { return 'a' <= c && c <= 'z' || '0' <= c && c <= '9' }

// Value returns refused input as an error may show it: as [Line] does, and without a word that looks like a credential in
// the wrong field. A name that only looks like one is hidden too: its length is left, to tell which it was.
func Value(text string) string {
	if strings.Contains(text, "-----BEGIN") {
		return hidden(len(text))
	}
	return Line(word.ReplaceAllStringFunc(hideForms(text), func(w string) string {
		if random(w) {
			return hidden(len(w))
		}
		return w
	}))
}

func hidden(size int) string { return fmt.Sprintf("%s (%d bytes)", Redacted, size) }

// word is a run of the characters of base64, base64url and hexadecimal numbers.
var word = regexp.MustCompile(`[-\w+/=]{16,}`)

var (
	uid     = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)
	unspelt = regexp.MustCompile(`[0-9A-Za-z]{16,}`)
	capital = regexp.MustCompile(`[0-9A-Z]{16,}`)
	mute    = regexp.MustCompile(`(?i)[bcdfghj-np-tvwxz]{7,}`)
)

// random tells whether w looks drawn by chance. Words of a language, joined by dashes and numbered, do not; the UID of an
// object does, and is no secret.
func random(w string) bool {
	if uid.MatchString(w) {
		return false
	}
	for _, piece := range unspelt.FindAllString(w, -1) {
		if numbered(piece) && changes(piece) >= 2 || mute.MatchString(piece) {
			return true
		}
	}
	return strings.Contains(w, "+") || capital.MatchString(w) || numbered(w) && 4*changes(w) >= len(w)
}

func numbered(w string) bool { return strings.ContainsAny(w, "0123456789") }

// changes counts the places where a letter, a capital and a digit stand side by side.
func changes(w string) (n int) {
	last := 0
	for _, r := range w {
		kind := 0
		switch {
		case unicode.IsDigit(r):
			kind = 1
		case unicode.IsUpper(r):
			kind = 2
		case unicode.IsLower(r):
			kind = 3
		}
		if kind != 0 && last != 0 && kind != last {
			n++
		}
		last = kind
	}
	return n
}
