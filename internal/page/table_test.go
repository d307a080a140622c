package page_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/meshpeer/meshpeer/internal/page"
)

func ExampleTable() {
	t := page.Table{Indent: "> "}
	t.Row("mint", "west", "created")
	t.Row("teapot", "日本", "passed")
	t.Row("share", "east")
	fmt.Print(t.String())
	// Output:
	// > mint    west  created
	// > teapot  日本  passed
	// > share   east
}

func TestLongCellMovesNoOtherRow(t *testing.T) {
	var table page.Table
	table.Row("a", strings.Repeat("x", 500), "end")
	table.Row("b", "short", "end")
	lines := strings.Split(table.String(), "\n")
	require.Equal(t, "b  short  end", lines[1])
	require.True(t, strings.HasSuffix(lines[0], "x  end"))
}

func TestWidth(t *testing.T) {
	for text, want := range map[string]int{"": 0, "abc": 3, "e\u0301": 1, "日本": 4, "→": 1, "\U0001f600": 2} {
		require.Equal(t, want, page.Width(text), "%q", text)
	}
}
