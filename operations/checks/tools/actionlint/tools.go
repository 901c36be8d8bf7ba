//go:build tools

// Package tools pins actionlint; ../../tools.ts builds it.
package tools

import _ "github.com/rhysd/actionlint/cmd/actionlint"
