// Package apply changes objects of one API server so that the caller always knows what became of a write, and can take it
// back.
//
//   - [Steady] repeats reads while a failure is transient, and looks after a write whose reply was lost.
//   - [Writer] creates, updates, recreates and deletes; each write comes with its [Undo].
//   - [Merge] and [Diff] compare what is there with what is wanted, before any write.
//   - [Ledger] undoes in reverse and withholds what a failed undo still needs.
//   - [Owns], [Owner] and [Name] tell whose an object is; [Advice] is the next step after a refusal.
//
// The outcome of a write is done, not done or unknown ([OutcomeOf]). Unknown is never taken for either of the others.
package apply
