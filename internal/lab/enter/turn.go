//go:build linux

package enter

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"github.com/meshpeer/meshpeer/internal/lab/progress"
	"github.com/meshpeer/meshpeer/internal/printable"
)

// turnSocket is in Linux' abstract namespace: one per machine for all users, never a stale file, and free the moment its
// holder dies.
const turnSocket = "@meshpeer-lab"

// takeTurn waits until no other lab runs on the machine and keeps the others out until this process ends.
func takeTurn(r *progress.Reporter) error {
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
		switch {
		case errors.Is(err, unix.ECONNREFUSED):
			continue // it has just ended
		case errors.Is(err, unix.EAGAIN):
			time.Sleep(100 * time.Millisecond) // more wait for it than it has taken notice of
			continue
		case err != nil:
			return fmt.Errorf("lab: ask who has the machine's lab: %w", err)
		}
		r.Say("waiting for the lab of %s to end: one lab per machine", whose(holder))
		_, _ = io.Copy(io.Discard, holder) // until its end closes the connection
		_ = holder.Close()
	}
}

// whose is what the holder says of itself and, if it is another user's, what the kernel says of it.
func whose(holder net.Conn) string {
	var name [256]byte
	_ = holder.SetReadDeadline(time.Now().Add(2 * time.Second)) // one who is stopped says nothing
	n, _ := holder.Read(name[:])
	_ = holder.SetReadDeadline(time.Time{})
	text := printable.Line(string(name[:n]))
	raw, err := holder.(*net.UnixConn).SyscallConn()
	if err != nil {
		return text
	}
	_ = raw.Control(func(fd uintptr) {
		peer, err := unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
		switch {
		case err != nil:
		case text == "":
			text = fmt.Sprintf("process %d of user %d", peer.Pid, peer.Uid)
		case int(peer.Uid) != os.Geteuid():
			text += fmt.Sprintf(" of user %d", peer.Uid)
		}
	})
	return text
}

// tellOthers tells each process that waits who has the lab. The connection stays open until this process ends.
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
