package main

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"os"
	"time"
)

// probeEvery is how much a boot may wait in vain at each component.
const probeEvery = 20 * time.Millisecond

// awaitReady returns when the probe succeeds. It never gives up: whoever started the machine watches the clock.
func awaitReady(probe Probe) {
	check := checkOf(probe)
	for !check() {
		time.Sleep(probeEvery)
	}
}

func checkOf(probe Probe) func() bool {
	switch {
	case probe.URL != "":
		return func() bool { return answersOK(probe) }
	case probe.Socket != "":
		return func() bool { return accepts(probe.Socket) }
	default:
		return func() bool { return true }
	}
}

func accepts(socket string) bool {
	connection, err := net.DialTimeout("unix", socket, time.Second)
	if err != nil {
		return false
	}
	return connection.Close() == nil
}

func answersOK(probe Probe) bool {
	client := &http.Client{Timeout: 2 * time.Second, Transport: &http.Transport{TLSClientConfig: trust(probe.CA), DisableKeepAlives: true}}
	answer, err := client.Get(probe.URL)
	if err != nil {
		return false
	}
	defer answer.Body.Close()
	return answer.StatusCode == http.StatusOK
}

// trust accepts any certificate when there is no authority: components that sign their own are only asked for their health on loopback.
func trust(file string) *tls.Config {
	authority, err := os.ReadFile(file)
	if file == "" || err != nil {
		return &tls.Config{InsecureSkipVerify: file == ""}
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(authority)
	return &tls.Config{RootCAs: pool}
}
