// Command atalaya-nginx is what a gateway's containers run. Nginx does the serving; this program does what
// Nginx has no part for: certificates, a soft end, and logs without secrets.
//
//	serve    run Nginx with /etc/atalaya/nginx.conf
//	check    say whether that configuration is right, and make the authority that instances share
//
// Exit codes: 0 done, 1 failed (the reason is on stderr), 2 wrong usage.
package main

import (
	"fmt"
	"os"
)

func main() {
	if len(os.Args) != 2 {
		usage()
	}
	var err error
	switch os.Args[1] {
	case "serve":
		err = serve()
	case "check":
		err = check()
	default:
		usage()
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "atalaya-nginx: %v\n", err)
		os.Exit(1)
	}
}

func usage() {
	fmt.Fprintln(os.Stderr, "usage: atalaya-nginx serve|check")
	os.Exit(2)
}
