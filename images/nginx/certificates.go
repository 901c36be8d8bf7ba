package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// source says which certificate a host has at this time. No certificate and no error: not yet.
type source interface {
	current(host string) (*pair, error)
}

// keeper has each host's certificate where Nginx reads it.
type keeper struct {
	folder string
	hosts  []string
	source source
}

// refresh writes what has changed. One host's trouble is no other one's.
func (k keeper) refresh() (changed bool, err error) {
	var failed []error
	for _, host := range k.hosts {
		written, err := k.refreshOne(host)
		if err != nil {
			failed = append(failed, fmt.Errorf("certificate of %s: %w", host, err))
		}
		changed = changed || written
	}
	return changed, errors.Join(failed...)
}

func (k keeper) refreshOne(host string) (changed bool, err error) {
	found, err := k.source.current(host)
	if err != nil {
		return false, err
	}
	if found == nil {
		if k.known(host) != nil {
			return false, nil
		}
		placeholder, err := selfSigned(host)
		if err != nil {
			return false, err
		}
		found = &placeholder
	}
	return k.write(host, *found)
}

func (k keeper) files(host string) (certificate, key string) {
	return filepath.Join(k.folder, host+".crt"), filepath.Join(k.folder, host+".key")
}

// known is what Nginx has now; nil when that is nothing.
func (k keeper) known(host string) *pair {
	certificateFile, keyFile := k.files(host)
	certificate, err := os.ReadFile(certificateFile)
	if err != nil {
		return nil
	}
	key, err := os.ReadFile(keyFile)
	if err != nil {
		return nil
	}
	return &pair{certificate, key}
}

func (k keeper) write(host string, next pair) (bool, error) {
	if was := k.known(host); was != nil && bytes.Equal(was.certificate, next.certificate) {
		return false, nil
	}
	// One that is half renewed is left for the next time.
	if _, err := tls.X509KeyPair(next.certificate, next.key); err != nil {
		return false, err
	}
	certificateFile, keyFile := k.files(host)
	if err := writeSynced(keyFile, next.key, 0o600); err != nil {
		return false, err
	}
	return true, writeSynced(certificateFile, next.certificate, 0o644)
}

// own signs with the gateway's authority.
type own struct {
	authority *authority
	keeper    *keeper
}

func (o own) current(host string) (*pair, error) {
	if was := o.keeper.known(host); was != nil {
		parsed, err := tls.X509KeyPair(was.certificate, was.key)
		if err == nil && halfLeft(parsed.Leaf, time.Now()) {
			return was, nil
		}
	}
	issued, err := o.authority.issue(host)
	return &issued, err
}

// mounted is one for all hosts that the platform issues, and renews in place.
type mounted struct{ folder string }

func (m mounted) current(string) (*pair, error) {
	certificate, err := os.ReadFile(filepath.Join(m.folder, "tls.crt"))
	if err != nil {
		return nil, err
	}
	key, err := os.ReadFile(filepath.Join(m.folder, "tls.key"))
	return &pair{certificate, key}, err
}

func halfLeft(certificate *x509.Certificate, now time.Time) bool {
	life := certificate.NotAfter.Sub(certificate.NotBefore)
	return now.Before(certificate.NotBefore.Add(life / 2))
}
