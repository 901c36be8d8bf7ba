package brotli

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/andybalholm/brotli"
	"github.com/caddyserver/caddy/v2"
)

// What goes in comes out, and one encoder serves several responses, as Caddy's pool does it.
func TestRoundTripWithReuse(t *testing.T) {
	module := &Brotli{}
	if err := module.Provision(caddy.Context{}); err != nil {
		t.Fatal(err)
	}
	encoder := module.NewEncoder()
	for _, text := range []string{strings.Repeat("atalaya ", 500), "short", ""} {
		var packed bytes.Buffer
		encoder.Reset(&packed)
		if _, err := io.WriteString(encoder, text); err != nil {
			t.Fatal(err)
		}
		if err := encoder.Close(); err != nil {
			t.Fatal(err)
		}
		plain, err := io.ReadAll(brotli.NewReader(&packed))
		if err != nil || string(plain) != text {
			t.Fatalf("got %q, %v, want %q", plain, err, text)
		}
	}
}

func TestLevels(t *testing.T) {
	for level, good := range map[int]bool{-1: false, 1: true, 4: true, 11: true, 12: false} {
		err := (&Brotli{Level: level}).Validate()
		if (err == nil) != good {
			t.Errorf("level %d: %v", level, err)
		}
	}
}
