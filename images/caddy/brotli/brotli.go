// Package brotli makes the Caddy module http.encoders.br: the glue between
// Caddy's encode handler and a maintained brotli library.
//
// Caddy itself can only serve files that were compressed with brotli before.
package brotli

import (
	"fmt"

	"github.com/andybalholm/brotli"
	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/encode"
)

// defaultLevel compresses better than gzip's default at about the same cost;
// brotli's own default (6) is several times slower, which a proxy that
// compresses each response anew cannot afford.
const defaultLevel = 4

func init() {
	caddy.RegisterModule(Brotli{})
}

// Brotli makes brotli encoders.
type Brotli struct {
	// Level is the compression level, 1 (fast) to 11 (small); 0 or absent means 4.
	Level int `json:"level,omitempty"`
}

// CaddyModule tells Caddy the module's name.
func (Brotli) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "http.encoders.br",
		New: func() caddy.Module { return new(Brotli) },
	}
}

// Provision sets the default level.
func (b *Brotli) Provision(caddy.Context) error {
	if b.Level == 0 {
		b.Level = defaultLevel
	}
	return nil
}

// Validate refuses a level that brotli does not have.
func (b *Brotli) Validate() error {
	if b.Level < 1 || b.Level > brotli.BestCompression {
		return fmt.Errorf("level %d: must be between 1 and %d", b.Level, brotli.BestCompression)
	}
	return nil
}

// AcceptEncoding is the name in Accept-Encoding and Content-Encoding.
func (Brotli) AcceptEncoding() string { return "br" }

// NewEncoder returns a writer that is not tied to a response yet.
func (b Brotli) NewEncoder() encode.Encoder {
	return brotli.NewWriterLevel(nil, b.Level)
}

// Interface guards
var (
	_ encode.Encoding   = (*Brotli)(nil)
	_ caddy.Provisioner = (*Brotli)(nil)
	_ caddy.Validator   = (*Brotli)(nil)
)
