// Package printable makes text of others fit to show to a person: what servers, certificates, commands, pods and objects
// say. Such text may hold line breaks that forge a row, escapes that a terminal runs, marks that turn the reading
// direction, a credential, or a megabyte.
//
//   - [Line] makes it one short line, [Prose] a longer one, [Error] an error whose text is one.
//   - [Name] takes a name only if it is one: what a pod says of itself names a candidate.
//   - [Value] is for input that is refused: it also hides what looks like a credential in a wrong place.
//
// All of them are idempotent: text may pass twice. It imports the standard library only.
package printable
