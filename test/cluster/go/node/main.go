// Command node turns a few namespaces of this machine into a small machine of its own, and is the first process in it.
//
//	node launch PLAN   starts the machine that the file PLAN describes and prints the process id of its first process
//	node init OWNER    is that first process; only launch calls it
//
// Everything that runs in the machine is a descendant of init inside one process namespace, so the end of init, however it comes,
// is the end of all of it: processes, mounts, links, addresses, firewall rules.
package main

import (
	"fmt"
	"os"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "node:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	switch {
	case len(args) == 2 && args[0] == "launch":
		return launch(args[1])
	case len(args) == 2 && args[0] == "init":
		return initialise()
	default:
		return fmt.Errorf("usage: node launch PLAN")
	}
}
