// Command caddy is the Caddy web server with the modules that the gateway needs.
//
// It is the same program as upstream's cmd/caddy; only the list of plugged-in
// modules differs, which is what upstream documents as the way to build a
// custom Caddy without xcaddy.
package main

import (
	caddycmd "github.com/caddyserver/caddy/v2/cmd"

	// Brotli as an encoding of responses.
	_ "atalaya/images/caddy/brotli"
	// Certificates that the platform renews in place.
	_ "atalaya/images/caddy/mounted"
	// Everything that the official build has.
	_ "github.com/caddyserver/caddy/v2/modules/standard"
	// Rate limits per client: 429 with Retry-After.
	_ "github.com/mholt/caddy-ratelimit"
)

func main() {
	caddycmd.Main()
}
