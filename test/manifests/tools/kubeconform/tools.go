//go:build tools

// Package tools pins kubeconform; tools.ts builds it.
package tools

import _ "github.com/yannh/kubeconform/cmd/kubeconform"
