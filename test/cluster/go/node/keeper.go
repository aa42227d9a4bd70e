package main

import (
	"fmt"
	"os"
	"syscall"
)

// pidfdOpen is the number of that system call, the same on every architecture; package syscall is older than it.
const pidfdOpen = 434

// openKeeper names the process by a file descriptor, because its id means nothing inside and may be another's one day. The id 0 is nobody: nil,
// which a child inherits as a descriptor that is closed.
func openKeeper(id int) (*os.File, error) {
	if id == 0 {
		return nil, nil
	}
	fd, _, errno := syscall.Syscall(pidfdOpen, uintptr(id), 0, 0)
	if errno != 0 {
		return nil, fmt.Errorf("process %d, with which the machine is to end: %w", id, errno)
	}
	return os.NewFile(fd, "keeper"), nil
}

// stopAfterKeeper asks for an orderly stop once the keeper has ended, in whatever way: its descriptor is readable then.
func stopAfterKeeper(stop chan<- os.Signal) {
	poll, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	if err == nil {
		err = syscall.EpollCtl(poll, syscall.EPOLL_CTL_ADD, keeperFD, &syscall.EpollEvent{Events: syscall.EPOLLIN})
	}
	ready := 0
	for err == nil && ready == 0 {
		ready, err = syscall.EpollWait(poll, make([]syscall.EpollEvent, 1), -1)
		if err == syscall.EINTR {
			ready, err = 0, nil
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "node: nobody watches the keeper:", err)
		return
	}
	stop <- syscall.SIGTERM
}
