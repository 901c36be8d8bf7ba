//go:build tools

// Package tools pins gitleaks; ../../tools.ts builds it.
package tools

import _ "github.com/zricethezav/gitleaks/v8"
