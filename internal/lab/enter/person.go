//go:build linux

package enter

import (
	"fmt"
	"os"
	"strings"
)

// Command is what a person puts in front of a shell command on the host to run it inside the lab, with a space at the end;
// empty in loopback mode, where there is nothing to enter.
func (r *Residence) Command() string {
	if r.Loopback {
		return ""
	}
	user := ""
	if !initialUser() {
		user = "--user --preserve-credentials "
	}
	return fmt.Sprintf("nsenter --target %s %s--net ", r.pid, user)
}

// initialUser says whether all user IDs of the host exist here: user_namespaces(7).
func initialUser() bool {
	ids, err := os.ReadFile("/proc/self/uid_map")
	return err == nil && strings.Contains(string(ids), "4294967295")
}

// outsidePID is this process's PID as the host sees it: /proc is still the host's, before the lab mounts its own.
func outsidePID() string {
	pid, err := os.Readlink("/proc/self")
	if err != nil {
		return "PID"
	}
	return pid
}
