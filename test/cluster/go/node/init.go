package main

import (
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// stopWithin bounds an orderly stop: what is left after it ends with the process namespace. Nothing outlives the machine, so there is
// nothing to wait for longer; an API server with open watches would take a minute.
const stopWithin = time.Second

// initialise is the life of the first process: set up, keep the components running, stop them in order when told to.
func initialise() error {
	plan, err := awaitPlan()
	if err != nil {
		return err
	}
	events, err := os.OpenFile(plan.Events, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM, syscall.SIGINT)
	processes := newProcesses()
	log := eventLog{events}
	if err := setUp(plan, processes); err != nil {
		log.record(event{Component: "setup", State: "failed", Message: err.Error()})
		return err
	}
	log.record(event{Component: "setup", State: "ready"})
	if plan.Forward != nil {
		go forward(listenerFD, plan.Forward.Dial)
	}
	supervisor := newSupervisor(plan.Components, processes, log)
	if plan.Keeper != 0 {
		syscall.CloseOnExec(keeperFD)
		go stopAfterKeeper(stop)
	}
	supervisor.start()
	<-stop
	supervisor.stop(stopWithin)
	return nil
}

// awaitPlan reads the inherited plan after the gate has closed, that is, after the network link is here.
func awaitPlan() (Plan, error) {
	gate := os.NewFile(gateFD, "gate")
	if _, err := io.Copy(io.Discard, gate); err != nil {
		return Plan{}, err
	}
	file := os.NewFile(planFD, "plan")
	defer file.Close()
	return readPlan(file)
}

func setUp(plan Plan, processes *processes) error {
	if err := syscall.Sethostname([]byte(plan.Hostname)); err != nil {
		return err
	}
	for _, command := range plan.Setup {
		child, err := processes.start(command, os.Stdout)
		if err != nil {
			return fmt.Errorf("%q: %w", command, err)
		}
		if status := <-child.exited; status != 0 {
			return fmt.Errorf("%q ended with status %d", command, status)
		}
	}
	return nil
}
