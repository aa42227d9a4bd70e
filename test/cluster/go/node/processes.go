package main

import (
	"errors"
	"os"
	"os/exec"
	"os/signal"
	"sync"
	"syscall"
)

// processes starts children and reaps every process that ends, its own and orphans alike: a duty of the first process that
// os/exec cannot do beside its own waiting, which is why it is not used to run anything here.
type processes struct {
	lock     sync.Mutex
	children map[int]*child
}

type child struct {
	pid    int
	exited chan int // the exit status, 128 + signal for a killed one; sent once
}

func newProcesses() *processes {
	p := &processes{children: map[int]*child{}}
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, syscall.SIGCHLD)
	go func() {
		for range ended {
			p.reap()
		}
	}()
	return p
}

// start runs a command, found on the PATH, in a process group of its own, with both outputs going to out.
func (p *processes) start(command []string, out *os.File) (*child, error) {
	program, err := exec.LookPath(command[0])
	if err != nil {
		return nil, err
	}
	null, err := os.Open(os.DevNull)
	if err != nil {
		return nil, err
	}
	defer null.Close()
	attributes := &syscall.ProcAttr{
		Dir:   "/",
		Env:   os.Environ(),
		Files: []uintptr{null.Fd(), out.Fd(), out.Fd()},
		Sys:   &syscall.SysProcAttr{Setpgid: true},
	}
	p.lock.Lock() // a child that ends at once is reaped only after it is known here
	defer p.lock.Unlock()
	pid, err := syscall.ForkExec(program, command, attributes)
	if err != nil {
		return nil, err
	}
	started := &child{pid: pid, exited: make(chan int, 1)}
	p.children[pid] = started
	return started, nil
}

// reap collects all that have ended: several ends may come as one signal.
func (p *processes) reap() {
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, syscall.WNOHANG, nil)
		if errors.Is(err, syscall.EINTR) {
			continue
		}
		if err != nil || pid <= 0 {
			return
		}
		p.lock.Lock()
		if ended, ours := p.children[pid]; ours {
			delete(p.children, pid)
			ended.exited <- exitStatus(status)
		}
		p.lock.Unlock()
	}
}

func exitStatus(status syscall.WaitStatus) int {
	if status.Signaled() {
		return 128 + int(status.Signal())
	}
	return status.ExitStatus()
}
