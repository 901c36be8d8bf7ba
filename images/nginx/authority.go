package main

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"time"
)

const (
	rootLife = 10 * 365 * 24 * time.Hour
	// Short, because nobody can take one back; a new one is made when half of it is over.
	leafLife = 7 * 24 * time.Hour
	// Clocks differ.
	backdated = time.Hour
)

// pair is a certificate (with what vouches for it) and its key, both PEM.
type pair struct{ certificate, key []byte }

// authority signs certificates: the gateway's own, for laptops and tests.
type authority struct {
	certificate *x509.Certificate
	key         crypto.Signer
}

// openAuthority reads the authority in a folder, or makes it. Instances that start together end with the same
// one: a folder that is complete takes its place in one step, and only where there is none yet.
func openAuthority(folder string) (*authority, error) {
	found, err := readAuthority(folder)
	if !errors.Is(err, fs.ErrNotExist) {
		return found, err
	}
	if err := os.MkdirAll(filepath.Dir(folder), 0o700); err != nil {
		return nil, err
	}
	made, err := os.MkdirTemp(filepath.Dir(folder), ".authority-")
	if err != nil {
		return nil, err
	}
	// Gone already where it took its place.
	defer os.RemoveAll(made)
	root, err := newRoot()
	if err != nil {
		return nil, err
	}
	if err := writeSynced(filepath.Join(made, "root.key"), root.key, 0o600); err != nil {
		return nil, err
	}
	if err := writeSynced(filepath.Join(made, "root.crt"), root.certificate, 0o644); err != nil {
		return nil, err
	}
	// Fails where another instance was first: a folder replaces an empty one alone.
	if err := os.Rename(made, folder); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	return readAuthority(folder)
}

func readAuthority(folder string) (*authority, error) {
	certificate, err := os.ReadFile(filepath.Join(folder, "root.crt"))
	if err != nil {
		return nil, err
	}
	key, err := os.ReadFile(filepath.Join(folder, "root.key"))
	if err != nil {
		return nil, err
	}
	certificateBlock, _ := pem.Decode(certificate)
	keyBlock, _ := pem.Decode(key)
	if certificateBlock == nil || keyBlock == nil {
		return nil, fmt.Errorf("%s: the authority is damaged: it is no PEM", folder)
	}
	root, err := x509.ParseCertificate(certificateBlock.Bytes)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", folder, err)
	}
	signer, err := x509.ParsePKCS8PrivateKey(keyBlock.Bytes)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", folder, err)
	}
	return &authority{root, signer.(crypto.Signer)}, nil
}

func newRoot() (pair, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return pair{}, err
	}
	template, err := newTemplate("Atalaya gateway authority", rootLife)
	if err != nil {
		return pair{}, err
	}
	template.IsCA = true
	template.BasicConstraintsValid = true
	template.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageCRLSign
	return sign(template, template, key, key)
}

// issue makes a certificate for one host.
func (a *authority) issue(host string) (pair, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return pair{}, err
	}
	template, err := leafTemplate(host)
	if err != nil {
		return pair{}, err
	}
	if template.NotAfter.After(a.certificate.NotAfter) {
		template.NotAfter = a.certificate.NotAfter
	}
	return sign(template, a.certificate, key, a.key)
}

// selfSigned is what Nginx has until an authority has answered: clients refuse it.
func selfSigned(host string) (pair, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return pair{}, err
	}
	template, err := leafTemplate(host)
	if err != nil {
		return pair{}, err
	}
	return sign(template, template, key, key)
}

func leafTemplate(host string) (*x509.Certificate, error) {
	template, err := newTemplate(host, leafLife)
	if err != nil {
		return nil, err
	}
	template.DNSNames = []string{host}
	template.KeyUsage = x509.KeyUsageDigitalSignature
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	return template, nil
}

func newTemplate(name string, life time.Duration) (*x509.Certificate, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, err
	}
	// The oldest limit of a name; the alternative name is what clients compare.
	if len(name) > 64 {
		name = name[:64]
	}
	now := time.Now()
	return &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: name},
		NotBefore:    now.Add(-backdated),
		NotAfter:     now.Add(life),
	}, nil
}

func sign(template, parent *x509.Certificate, key *ecdsa.PrivateKey, by crypto.Signer) (pair, error) {
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), by)
	if err != nil {
		return pair{}, err
	}
	keyBytes, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return pair{}, err
	}
	return pair{
		certificate: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		key:         pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyBytes}),
	}, nil
}

func writeSynced(file string, content []byte, mode os.FileMode) error {
	out, err := os.OpenFile(file, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, mode)
	if err != nil {
		return err
	}
	defer out.Close()
	if _, err := out.Write(content); err != nil {
		return err
	}
	return out.Sync()
}
