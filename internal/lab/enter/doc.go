// Package enter takes a program into the lab: it looks at the machine, makes what is missing, waits for its turn, and runs
// the program again inside namespaces of its own, where a [Residence] says what it lives in.
//
// The processes are all the program itself, told apart by an environment variable: the supervisor that the user started,
// a short trial of what the kernel allows, the janitor, and the program inside. Whoever of them is killed, and when: the
// kernel ends the others, drops their locks, and the janitor or the next lab removes what is left.
package enter
