package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/tools/cache"
)

// gate lets a pod open connections only once the rules for it are in place.
//
// The policy controller learns of a pod when the API server knows its address, which is after the pod has started; until its rules are
// written nothing holds the pod back. A set of nftables, made with the node, names the pods that may open connections; what comes from any
// other pod is dropped and sent again by its sender. This keeps the set: a running pod is in it from when the controller's chain has a rule
// for its address until it ends.
type gate struct {
	pods   cache.Store
	opened map[string]bool
	wake   chan struct{}
}

const (
	// lookAgain is how long to wait for rules that are being written.
	lookAgain = 20 * time.Millisecond
	table     = "gate"
	set       = "known"
)

var ruleOfSource = regexp.MustCompile(`(?m)^-A KUBE-ROUTER-FORWARD -s ([0-9.]+)/32 `)

func newGate(pods cache.SharedIndexInformer) *gate {
	g := &gate{pods: pods.GetStore(), opened: map[string]bool{}, wake: make(chan struct{}, 1)}
	pods.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    func(any) { g.changed() },
		UpdateFunc: func(any, any) { g.changed() },
		DeleteFunc: func(any) { g.changed() },
	})
	return g
}

func (g *gate) changed() {
	select {
	case g.wake <- struct{}{}:
	default: // a look is due already
	}
}

// run keeps the set until the context ends. A failure leaves the gate as it is, which is closed for new pods, and is tried again.
func (g *gate) run(ctx context.Context) {
	for {
		waiting, err := g.look(ctx)
		if err != nil && ctx.Err() == nil {
			fmt.Fprintln(os.Stderr, "gate:", err)
		}
		var again <-chan time.Time
		if waiting || err != nil {
			again = time.After(lookAgain)
		}
		select {
		case <-ctx.Done():
			return
		case <-g.wake:
		case <-again:
		}
	}
}

// look opens for pods whose rules are there and closes after pods that have ended. It reports whether a pod still waits for its rules.
func (g *gate) look(ctx context.Context) (waiting bool, err error) {
	running := g.running()
	for address := range g.opened {
		if !running[address] {
			if err := nft(ctx, "delete", address); err != nil {
				return false, err
			}
			delete(g.opened, address)
		}
	}
	if len(g.opened) == len(running) {
		return false, nil
	}
	rules, err := exec.CommandContext(ctx, "iptables", "-w", "5", "-S", "KUBE-ROUTER-FORWARD").Output()
	if err != nil {
		return true, nil // the controller has not made its chain yet
	}
	for _, match := range ruleOfSource.FindAllStringSubmatch(string(rules), -1) {
		address := match[1]
		if running[address] && !g.opened[address] {
			if err := nft(ctx, "add", address); err != nil {
				return true, err
			}
			g.opened[address] = true
		}
	}
	return len(g.opened) < len(running), nil
}

// running are the addresses of pods that have one of their own and have not ended.
func (g *gate) running() map[string]bool {
	addresses := map[string]bool{}
	for _, object := range g.pods.List() {
		pod, isPod := object.(*corev1.Pod)
		if !isPod || pod.Spec.HostNetwork || pod.Status.PodIP == "" {
			continue
		}
		if pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed {
			continue
		}
		addresses[pod.Status.PodIP] = true
	}
	return addresses
}

func nft(ctx context.Context, verb, address string) error {
	output, err := exec.CommandContext(ctx, "nft", verb, "element", "ip", table, set, "{ "+address+" }").CombinedOutput()
	if err != nil {
		return fmt.Errorf("nft %s %s: %w: %s", verb, address, err, strings.TrimSpace(string(output)))
	}
	return nil
}
