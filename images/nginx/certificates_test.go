package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// put writes a certificate, or half of one, where the platform mounts it.
func put(t *testing.T, folder string, certificate, key []byte) {
	t.Helper()
	for name, text := range map[string][]byte{"tls.crt": certificate, "tls.key": key} {
		if err := os.WriteFile(filepath.Join(folder, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func TestWhatThePlatformRenewsInPlaceIsTakenForEveryHost(t *testing.T) {
	platform, mine := t.TempDir(), t.TempDir()
	k := keeper{folder: mine, hosts: []string{"a.test", "b.test"}, source: mounted{platform}}
	if _, err := k.refresh(); err == nil {
		t.Fatal("nothing is mounted, and nobody was told")
	}
	made := func() pair {
		t.Helper()
		of, err := selfSigned("a.test")
		if err != nil {
			t.Fatal(err)
		}
		return of
	}
	takes := func(want pair, changes bool) {
		t.Helper()
		changed, err := k.refresh()
		if err != nil || changed != changes {
			t.Fatalf("changed %t, %v, want %t", changed, err, changes)
		}
		for _, host := range k.hosts {
			if found := k.known(host); !bytes.Equal(found.certificate, want.certificate) || !bytes.Equal(found.key, want.key) {
				t.Fatalf("%s has another certificate", host)
			}
		}
	}
	first, next := made(), made()
	put(t, platform, first.certificate, first.key)
	takes(first, true)
	takes(first, false)
	// Nginx keeps what it has while the two do not belong together.
	put(t, platform, next.certificate, first.key)
	if changed, err := k.refresh(); err == nil || changed {
		t.Fatal("a certificate was taken with another one's key")
	}
	put(t, platform, next.certificate, next.key)
	takes(next, true)
}

// uneven has a certificate for each host but one.
type uneven struct{ without string }

func (u uneven) current(host string) (*pair, error) {
	if host == u.without {
		return nil, errors.New("its authority does not answer")
	}
	made, err := selfSigned(host)
	return &made, err
}

func TestOneHostsTroubleIsNoOtherOnes(t *testing.T) {
	k := keeper{folder: t.TempDir(), hosts: []string{"a.test", "b.test"}, source: uneven{"a.test"}}
	changed, err := k.refresh()
	if err == nil || !strings.Contains(err.Error(), "a.test") {
		t.Fatalf("nobody was told: %v", err)
	}
	if !changed || k.known("b.test") == nil {
		t.Fatal("b.test has no certificate")
	}
}
