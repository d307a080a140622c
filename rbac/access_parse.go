package rbac

import (
	"strconv"
	"strings"
	"unicode"

	"github.com/meshpeer/meshpeer/internal/invalid"
)

// ParseAccess reads an access as kubectl auth can-i spells it, or as
// [Access.String] does:
//
//	VERB TYPE[.GROUP][/SUBRESOURCE] [NAME] [-n NAMESPACE] [--subresource=SUBRESOURCE]
//	VERB TYPE[.GROUP][/SUBRESOURCE] [named NAME] [in namespace NAMESPACE]
//	VERB /PATH
//
// for example "get pods/log -n x", "list deployments.apps", "get /healthz" or
// "create serviceaccounts/token reader -n istio-system".
//
// TYPE is the plural. Short names and kinds are refused, and the error names the
// plural: ParseAccess asks no cluster. What follows a slash is always a
// subresource. kubectl differs: it reads "pods/log" as the Pod named log, which is
// probably not what was meant. A word with blanks, such as the name of a group of
// users, stands in quotes. -A and --all-namespaces are accepted and change
// nothing.
//
// The access is valid as [Access.Validate] checks it. The error holds a
// [*FieldError] for each fault.
func ParseAccess(text string) (Access, error) {
	p := accessParser{text: text, words: words(text)}
	a, err := p.parse()
	if err != nil {
		return Access{}, err
	}
	if err := a.Validate(); err != nil {
		return Access{}, err
	}
	return a, nil
}

// words splits a line as a shell would, as far as names need it.
func words(text string) (all []string) {
	for {
		text = strings.TrimSpace(text)
		if text == "" {
			return all
		}
		word, rest := text, ""
		if i := strings.IndexFunc(text, unicode.IsSpace); i >= 0 {
			word, rest = text[:i], text[i:]
		}
		switch text[0] {
		case '"':
			if quoted, err := strconv.QuotedPrefix(text); err == nil {
				word, _ = strconv.Unquote(quoted) // cannot fail: QuotedPrefix has looked
				rest = text[len(quoted):]
			}
		case '\'':
			if end := strings.Index(text[1:], "'"); end >= 0 {
				word, rest = text[1:end+1], text[end+2:]
			}
		}
		all, text = append(all, word), rest
	}
}

type accessParser struct {
	text  string
	words []string
}

const accessSyntax = `write it like "get pods/log -n x", "list deployments.apps" or "get /healthz"`

func (p *accessParser) refuse(reason, remedy string) error {
	return invalid.Field("Access", p.text, reason, remedy)
}

func (p *accessParser) parse() (a Access, err error) {
	var plain []string
	set := func(field *string, what, value string) error {
		if value == "" {
			return p.refuse("lacks a value for "+what, accessSyntax)
		}
		if *field != "" {
			return p.refuse("names "+what+" twice", "keep one of them")
		}
		*field = value
		return nil
	}
	for len(p.words) > 0 && err == nil {
		word := p.next()
		flag, value, given := strings.Cut(word, "=")
		switch {
		case flag == "-A" || flag == "--all-namespaces":
		case flag == "-n" || flag == "--namespace":
			if !given {
				value = p.next()
			}
			err = set(&a.Namespace, "the namespace", value)
		case flag == "--subresource":
			if !given {
				value = p.next()
			}
			err = set(&a.Subresource, "the subresource", value)
		case strings.HasPrefix(word, "-n") && !strings.HasPrefix(word, "--"):
			err = set(&a.Namespace, "the namespace", strings.TrimPrefix(word, "-n"))
		case strings.HasPrefix(word, "-"):
			err = p.refuse("has the unknown flag "+word, "use -n, --subresource or -A")
		case len(plain) >= 2 && word == "named":
			err = set(&a.Name, "the object", p.next())
		case len(plain) >= 2 && word == "in" && len(p.words) > 0 && p.words[0] == "namespace":
			p.next()
			err = set(&a.Namespace, "the namespace", p.next())
		default:
			plain = append(plain, word)
		}
	}
	switch {
	case err != nil:
		return a, err
	case len(plain) < 2:
		return a, p.refuse("lacks a verb or what it acts on", accessSyntax)
	case len(plain) > 3:
		return a, p.refuse("has too many words", accessSyntax)
	case len(plain) == 3:
		if err := set(&a.Name, "the object", plain[2]); err != nil {
			return a, err
		}
	}
	a.Verb = plain[0]
	return p.target(a, plain[1])
}

// target reads TYPE[.GROUP][/SUBRESOURCE] or a path.
func (p *accessParser) target(a Access, target string) (Access, error) {
	if strings.HasPrefix(target, "/") {
		a.Path = target
		return a, nil
	}
	if a.Verb == audienceVerb {
		a.Resource = target
		return a, nil
	}
	resource, subresource, slash := strings.Cut(target, "/")
	switch {
	case slash && subresource == "":
		return a, p.refuse("ends in a slash", "name the subresource behind it, or drop it")
	case slash && a.Subresource != "":
		return a, p.refuse("names the subresource twice", "keep one of them")
	case slash:
		a.Subresource = subresource
	}
	a.Resource, a.Group, _ = strings.Cut(resource, ".")
	if strings.HasSuffix(resource, ".") {
		return a, p.refuse("ends its resource in a dot", "name the group behind it, or drop it")
	}
	return a, nil
}

// next takes a word off; "" if there is none.
func (p *accessParser) next() string {
	if len(p.words) == 0 {
		return ""
	}
	word := p.words[0]
	p.words = p.words[1:]
	return word
}
