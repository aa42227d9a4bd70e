package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"time"
)

// Plan is everything the machine is told about itself. Paths in Setup and Components are paths inside it.
type Plan struct {
	Owner      string      `json:"owner"` // in init's command line, so that the machine is found even when nothing else is left to tell of it
	Hostname   string      `json:"hostname"`
	Log        string      `json:"log"`        // output of init and of the set-up commands; a path outside
	Events     string      `json:"events"`     // one JSON object a line for every change of a component; a path outside
	Keeper     int         `json:"keeper"`     // process id, outside: the machine stops when that process ends; 0: it outlives whoever starts it
	Link       string      `json:"link"`       // network link that moves into the machine before Setup
	Forward    *Forward    `json:"forward"`    // nil: nothing is forwarded
	Setup      [][]string  `json:"setup"`      // run one after the other; the first failure ends the machine
	Components []Component `json:"components"` // started as soon as what they come after is ready
}

// Forward carries connections from an address outside to an address inside.
type Forward struct {
	Listen string `json:"listen"`
	Dial   string `json:"dial"`
}

// Component is a program that runs as long as the machine; one that ends is started again.
type Component struct {
	Name    string   `json:"name"`
	Command []string `json:"command"`
	After   []string `json:"after"`
	Log     string   `json:"log"`
	PIDFile string   `json:"pidFile"`
	Ready   Probe    `json:"ready"`
}

// Probe tells when a component is ready: when URL answers 200, or when Socket (unix) accepts a connection. Neither: at once.
type Probe struct {
	URL    string `json:"url"`
	CA     string `json:"ca"` // file with the authority that signed the certificate of URL; empty: not checked
	Socket string `json:"socket"`
}

func readPlan(from io.Reader) (Plan, error) {
	var plan Plan
	if err := json.NewDecoder(from).Decode(&plan); err != nil {
		return plan, fmt.Errorf("reading the plan: %w", err)
	}
	return plan, nil
}

// event is a line of Plan.Events.
type event struct {
	Time      time.Time `json:"time"`
	Component string    `json:"component"`
	State     string    `json:"state"` // started, ready, exited, failed, stopped
	PID       int       `json:"pid,omitempty"`
	Message   string    `json:"message,omitempty"`
}

type eventLog struct{ file *os.File }

// record writes one line with one system call, so that a reader never sees half of it among others.
func (l eventLog) record(e event) {
	e.Time = time.Now()
	line, err := json.Marshal(e)
	if err == nil {
		_, err = l.file.Write(append(line, '\n'))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "node: event not recorded:", err)
	}
}
