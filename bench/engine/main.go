// SPDX-License-Identifier: ISC

// engine forwards local TCP ports through wireguard-go's own netstack, which is
// what wireproxy and flyctl are made of: the least that can be written around
// it, for comparison.
//
//	engine PRIVATE_KEY PEER_KEY ENDPOINT ADDRESS FORWARD...
//
// Keys are base64, a FORWARD is LOCAL=TARGET, both host:port.
package main

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"log"
	"net"
	"net/netip"
	"os"
	"strings"

	"golang.zx2c4.com/wireguard/conn"
	"golang.zx2c4.com/wireguard/device"
	"golang.zx2c4.com/wireguard/tun/netstack"
)

func key(text string) string {
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		log.Fatal(err)
	}
	return hex.EncodeToString(raw)
}

func serve(listener net.Listener, inner *netstack.Net, target string) {
	for {
		client, err := listener.Accept()
		if err != nil {
			log.Fatal(err)
		}
		go forward(client.(*net.TCPConn), inner, target)
	}
}

func forward(client *net.TCPConn, inner *netstack.Net, target string) {
	defer client.Close()
	server, err := inner.Dial("tcp", target)
	if err != nil {
		return
	}
	defer server.Close()
	done := make(chan struct{})
	go func() {
		io.Copy(server, client)
		server.(interface{ CloseWrite() error }).CloseWrite()
		close(done)
	}()
	io.Copy(client, server)
	client.CloseWrite()
	<-done
}

func main() {
	args := os.Args[1:]
	if len(args) < 5 {
		log.Fatal("engine PRIVATE_KEY PEER_KEY ENDPOINT ADDRESS FORWARD...")
	}
	tun, inner, err := netstack.CreateNetTUN(
		[]netip.Addr{netip.MustParseAddr(args[3])}, nil, 1420)
	if err != nil {
		log.Fatal(err)
	}
	dev := device.NewDevice(tun, conn.NewDefaultBind(),
		device.NewLogger(device.LogLevelError, ""))
	err = dev.IpcSet(fmt.Sprintf("private_key=%s\npublic_key=%s\n"+
		"endpoint=%s\nallowed_ip=0.0.0.0/0\nallowed_ip=::/0\n",
		key(args[0]), key(args[1]), args[2]))
	if err == nil {
		err = dev.Up()
	}
	if err != nil {
		log.Fatal(err)
	}
	for _, text := range args[4:] {
		local, target, _ := strings.Cut(text, "=")
		listener, err := net.Listen("tcp", local)
		if err != nil {
			log.Fatal(err)
		}
		go serve(listener, inner, target)
	}
	fmt.Println("ready")
	select {}
}
