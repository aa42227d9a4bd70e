package main

import (
	"fmt"
	"os"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// heldPoll is how long a component stays down after it is let go, at most.
const heldPoll = 20 * time.Millisecond

// restartAfter is short enough that a test that kills a component need not wait, and long enough not to spin.
const restartAfter = 500 * time.Millisecond

// supervisor keeps every component running, in the order their After lists ask for at the first start.
type supervisor struct {
	components []Component
	processes  *processes
	log        eventLog
	ready      map[string]chan struct{} // closed when the component was ready for the first time

	lock     sync.Mutex
	stopping bool
	running  map[string]*child
}

func newSupervisor(components []Component, processes *processes, log eventLog) *supervisor {
	s := &supervisor{components: components, processes: processes, log: log, ready: map[string]chan struct{}{}, running: map[string]*child{}}
	for _, c := range components {
		s.ready[c.Name] = make(chan struct{})
	}
	return s
}

func (s *supervisor) start() {
	for _, c := range s.components {
		go func() {
			for _, earlier := range c.After {
				<-s.ready[earlier]
			}
			go s.announce(c)
			s.keepRunning(c)
		}()
	}
}

// announce waits for the first readiness only: later ones are for the cluster's own health checks to judge.
func (s *supervisor) announce(c Component) {
	awaitReady(c.Ready)
	s.log.record(event{Component: c.Name, State: "ready"})
	close(s.ready[c.Name])
}

func (s *supervisor) keepRunning(c Component) {
	for {
		started, out, err := s.launchComponent(c)
		if err != nil {
			s.log.record(event{Component: c.Name, State: "failed", Message: err.Error()})
			return
		}
		if started == nil {
			return // the machine is stopping
		}
		status := <-started.exited
		out.Close()
		s.log.record(event{Component: c.Name, State: "exited", PID: started.pid, Message: fmt.Sprintf("status %d", status)})
		time.Sleep(restartAfter)
		awaitRelease(c)
	}
}

// awaitRelease keeps a component that has ended from coming back for as long as a file says so: a test that takes away etcd for some
// seconds makes the file, ends the process, and removes the file.
func awaitRelease(c Component) {
	for {
		if _, err := os.Stat(c.PIDFile + ".held"); err != nil {
			return
		}
		time.Sleep(heldPoll)
	}
}

// launchComponent starts the program unless the machine is stopping; then it returns no child and no error.
func (s *supervisor) launchComponent(c Component) (*child, *os.File, error) {
	s.lock.Lock()
	defer s.lock.Unlock()
	if s.stopping {
		return nil, nil, nil
	}
	out, err := os.OpenFile(c.Log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, nil, err
	}
	started, err := s.processes.start(c.Command, out)
	if err != nil {
		out.Close()
		return nil, nil, err
	}
	s.running[c.Name] = started
	s.log.record(event{Component: c.Name, State: "started", PID: started.pid})
	return started, out, os.WriteFile(c.PIDFile, []byte(strconv.Itoa(started.pid)+"\n"), 0o644)
}

// stop ends the components last to first, each given what is left of the time; none is started again.
func (s *supervisor) stop(within time.Duration) {
	s.lock.Lock()
	s.stopping = true
	s.lock.Unlock()
	deadline := time.Now().Add(within)
	for i := len(s.components) - 1; i >= 0; i-- {
		name := s.components[i].Name
		s.lock.Lock()
		target := s.running[name]
		s.lock.Unlock()
		if target != nil {
			s.log.record(event{Component: name, State: "stopped", PID: target.pid, Message: end(target.pid, deadline)})
		}
	}
}

// end asks a process to stop and says how that went. It looks for the process itself, because its exit status goes to keepRunning.
func end(pid int, deadline time.Time) string {
	if syscall.Kill(pid, syscall.SIGTERM) != nil {
		return "had ended"
	}
	for time.Now().Before(deadline) {
		if syscall.Kill(pid, 0) != nil {
			return "orderly"
		}
		time.Sleep(5 * time.Millisecond)
	}
	return "out of time"
}
