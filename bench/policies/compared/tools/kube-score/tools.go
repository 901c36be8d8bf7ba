//go:build tools

// Package tools pins kube-score; ../../tools.ts builds it.
package tools

import _ "github.com/zegl/kube-score/cmd/kube-score"
