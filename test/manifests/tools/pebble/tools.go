//go:build tools

// Package tools pins Pebble, Let's Encrypt's own ACME authority for tests; tools.ts builds it.
package tools

import _ "github.com/letsencrypt/pebble/v2/cmd/pebble"
