// Package store is the lab's place on the disk: a directory that this user alone can change, with entries that are whole
// or not there.
//
//   - [Open] finds or makes the directory. What another user made, owns or could change is never read, and nothing in it
//     is run.
//   - [Entry] is a directory of files with their digests. A damaged one is found before it is used, and filled again.
//   - [Lock] is an flock: the kernel drops it when its holder dies, however that happens.
//   - [Explain] turns a full disk into the one line that says so.
package store
