// Package progress tells a person what a long step does: on a terminal in one line that is rewritten, elsewhere in a line
// now and then.
package progress
