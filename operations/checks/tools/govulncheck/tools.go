//go:build tools

// Package tools pins govulncheck; ../../tools.ts builds it.
package tools

import _ "golang.org/x/vuln/cmd/govulncheck"
