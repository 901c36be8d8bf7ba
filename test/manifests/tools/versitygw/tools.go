//go:build tools

// Package tools pins the Versity S3 gateway, a server of buckets that keeps them in a folder; backups-s3.test.ts builds it.
package tools

import _ "github.com/versity/versitygw/cmd/versitygw"
