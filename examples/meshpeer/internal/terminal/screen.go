package terminal

import (
	"slices"
	"strconv"
	"strings"
)

// Screen is what a terminal shows after it got the bytes, as far as the command uses one: lines, carriage return, cursor up,
// and the two ways to erase. Colours leave no trace. Lines do not wrap and do not scroll away.
func Screen(raw string) string {
	lines := [][]rune{nil}
	row, column := 0, 0
	for i := 0; i < len(raw); {
		r, size := decode(raw[i:])
		i += size
		switch r {
		case '\r':
			column = 0
		case '\n':
			if row++; row == len(lines) {
				lines = append(lines, nil)
			}
		case '\x1b':
			argument, final, length := sequence(raw[i:])
			i += length
			switch final {
			case 'A':
				row = max(row-max(argument, 1), 0)
			case 'K':
				lines[row] = nil
			case 'J':
				lines[row] = lines[row][:min(column, len(lines[row]))]
				lines = lines[:row+1]
			}
		default:
			for len(lines[row]) < column {
				lines[row] = append(lines[row], ' ')
			}
			lines[row] = slices.Replace(lines[row], column, min(column+1, len(lines[row])), r)
			column++
		}
	}
	var b strings.Builder
	for _, line := range lines {
		b.WriteString(strings.TrimRight(string(line), " ") + "\n")
	}
	return strings.TrimRight(b.String(), "\n") + "\n"
}

func decode(s string) (rune, int) {
	for _, r := range s {
		return r, len(string(r))
	}
	return 0, 1
}

// sequence reads a control sequence after its escape.
func sequence(s string) (argument int, final byte, length int) {
	if !strings.HasPrefix(s, "[") {
		return 0, 0, 0
	}
	for i := 1; i < len(s); i++ {
		if s[i] >= '@' && s[i] <= '~' {
			argument, _ = strconv.Atoi(s[1:i])
			return argument, s[i], i + 1
		}
	}
	return 0, 0, len(s)
}
