package main

import (
	"fmt"
	"io"
	"net"
	"os"
)

// forward carries every connection of the inherited listener, which lives outside, to an address inside.
func forward(listenerFD uintptr, dial string) {
	listener, err := net.FileListener(os.NewFile(listenerFD, "listener"))
	if err != nil {
		fmt.Println("node: no forwarding:", err)
		return
	}
	for {
		outside, err := listener.Accept()
		if err != nil {
			fmt.Println("node: forwarding ended:", err)
			return
		}
		go carry(outside.(*net.TCPConn), dial)
	}
}

// carry copies both ways and passes each side's end on alone, so that a half-closed request still gets its answer.
func carry(outside *net.TCPConn, dial string) {
	defer outside.Close()
	connection, err := net.Dial("tcp", dial)
	if err != nil {
		return
	}
	inside := connection.(*net.TCPConn)
	defer inside.Close()
	done := make(chan struct{})
	go func() {
		pipe(inside, outside)
		close(done)
	}()
	pipe(outside, inside)
	<-done
}

func pipe(to, from *net.TCPConn) {
	if _, err := io.Copy(to, from); err != nil {
		to.SetLinger(0) // a reset on one side is a reset on the other
		to.Close()
		return
	}
	to.CloseWrite()
}
