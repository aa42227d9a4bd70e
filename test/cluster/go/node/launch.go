package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"syscall"
)

const namespaces = syscall.CLONE_NEWNS | syscall.CLONE_NEWPID | syscall.CLONE_NEWNET | syscall.CLONE_NEWIPC | syscall.CLONE_NEWUTS

// File descriptors that init inherits after the standard three.
const (
	planFD = 3 + iota
	gateFD
	keeperFD
	listenerFD
)

// launch starts init in namespaces of its own and prints its process id once the network link is inside.
func launch(planFile string) error {
	file, err := os.Open(planFile)
	if err != nil {
		return err
	}
	defer file.Close()
	plan, err := readPlan(file)
	if err != nil {
		return err
	}
	if _, err := file.Seek(0, 0); err != nil {
		return err
	}
	child, gate, err := startInit(plan, file)
	if err != nil {
		return err
	}
	if out, err := exec.Command("ip", "link", "set", "dev", plan.Link, "netns", strconv.Itoa(child.Pid)).CombinedOutput(); err != nil {
		return fmt.Errorf("moving link %s: %w: %s (and %v)", plan.Link, err, out, child.Kill())
	}
	fmt.Println(child.Pid)
	return gate.Close()
}

// startInit returns the child, which waits until the gate is closed.
func startInit(plan Plan, planFile *os.File) (*os.Process, *os.File, error) {
	log, err := os.OpenFile(plan.Log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, nil, err
	}
	defer log.Close()
	gateIn, gateOut, err := os.Pipe()
	if err != nil {
		return nil, nil, err
	}
	defer gateIn.Close()
	keeper, err := openKeeper(plan.Keeper)
	if err != nil {
		return nil, nil, err
	}
	defer keeper.Close()
	inherited := []*os.File{planFile, gateIn, keeper}
	if plan.Forward != nil {
		listener, err := listen(plan.Forward.Listen)
		if err != nil {
			return nil, nil, err
		}
		defer listener.Close()
		inherited = append(inherited, listener)
	}
	command := exec.Command("/proc/self/exe", "init", plan.Owner)
	command.Stdout, command.Stderr, command.ExtraFiles = log, log, inherited
	command.Dir = "/"
	command.SysProcAttr = &syscall.SysProcAttr{Cloneflags: namespaces, Setsid: true}
	if err := command.Start(); err != nil {
		return nil, nil, fmt.Errorf("new namespaces (this needs root): %w", err)
	}
	return command.Process, gateOut, nil
}

// listen opens the socket here, outside, because a socket stays in the network namespace it was made in wherever it is accepted from.
func listen(address string) (*os.File, error) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, err
	}
	defer listener.Close()
	return listener.(*net.TCPListener).File()
}
