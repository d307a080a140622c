package main

import (
	"regexp"
	"strings"
)

// heading is what incompatible changes are told of below.
const heading = "### Incompatible"

// section is what CHANGELOG.md says of a version.
type section struct {
	version      string // such as v1.2.3; "" of what is not released
	incompatible string
}

type changelog []section

// versions are headings such as "## v1.2.3" and "## 1.2.3 (2026-01-31)".
var versions = regexp.MustCompile(`^## \[?v?(\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?)\b`)

func parse(text string) (log changelog) {
	told := false
	for line := range strings.Lines(text) {
		switch {
		case strings.HasPrefix(line, "## "):
			s := section{}
			if m := versions.FindStringSubmatch(line); m != nil {
				s.version = "v" + m[1]
			}
			log, told = append(log, s), false
		case strings.HasPrefix(line, "### "):
			told = strings.TrimSpace(line) == heading
		case told && len(log) > 0:
			log[len(log)-1].incompatible += line
		}
	}
	return log
}

// tells says whether a section above that of a version has the name in backquotes.
func (log changelog) tells(version, name string) bool {
	for _, s := range log {
		if s.version == version {
			return false
		}
		if strings.Contains(s.incompatible, "`"+name+"`") {
			return true
		}
	}
	return false
}
