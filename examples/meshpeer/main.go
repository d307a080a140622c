// Command meshpeer peers the clusters of an Istio or ASM mesh from a terminal or a pipeline. It is a plugin of kubectl, too,
// where it is called kubectl-meshpeer.
package main

import (
	"os"

	"github.com/meshpeer/meshpeer/examples/meshpeer/cmd"
)

func main() { os.Exit(cmd.Main()) }
