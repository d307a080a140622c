//go:build linux

package lab

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// turnSocket is in Linux' abstract namespace: one per machine for all users, never a stale file, and free the moment its
// holder dies.
const turnSocket = "@meshpeer-lab"

// takeTurn waits until no other lab runs on the machine and keeps the others out until this process ends.
func takeTurn(say func(string, ...any)) error {
	for {
		listener, err := net.Listen("unix", turnSocket)
		if err == nil {
			go tellOthers(listener)
			return nil
		}
		if !errors.Is(err, unix.EADDRINUSE) {
			return fmt.Errorf("lab: take the machine's lab: %w", err)
		}
		holder, err := net.Dial("unix", turnSocket)
		if errors.Is(err, unix.ECONNREFUSED) {
			continue // it has just ended
		}
		if err != nil {
			return fmt.Errorf("lab: ask who has the machine's lab: %w", err)
		}
		var name [256]byte
		n, _ := holder.Read(name[:])
		say("waiting for the lab of %s to end: one lab per machine", name[:n])
		_, _ = io.Copy(io.Discard, holder) // until its end closes the connection
		_ = holder.Close()
	}
}

// tellOthers says to each who waits whom it waits for, and keeps the connection as the thing to wait on.
func tellOthers(listener net.Listener) {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		fmt.Fprintf(conn, "%s (process %d)", filepath.Base(os.Args[0]), os.Getpid())
	}
}
