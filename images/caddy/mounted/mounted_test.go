package mounted

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"

	_ "github.com/caddyserver/caddy/v2/modules/caddyhttp"
	_ "github.com/caddyserver/caddy/v2/modules/caddytls"
	_ "github.com/caddyserver/caddy/v2/modules/filestorage"
)

const host = "shop.test"

// issue writes a certificate as the platform does: both files at once, by a link that changes.
func issue(t *testing.T, folder string, serial int64) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	of := &x509.Certificate{
		SerialNumber: big.NewInt(serial),
		DNSNames:     []string{host},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(time.Hour),
	}
	certificate, err := x509.CreateCertificate(rand.Reader, of, of, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	write(t, folder, "tls.crt", "CERTIFICATE", certificate)
	write(t, folder, "tls.key", "EC PRIVATE KEY", private)
}

func write(t *testing.T, folder, name, kind string, content []byte) {
	t.Helper()
	text := pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: content})
	if err := os.WriteFile(filepath.Join(folder, name), text, 0o600); err != nil {
		t.Fatal(err)
	}
}

func in(folder string) *Mounted {
	return &Mounted{Certificate: filepath.Join(folder, "tls.crt"), Key: filepath.Join(folder, "tls.key")}
}

// provisioned is one that Caddy has set up.
func provisioned(t *testing.T, m *Mounted) error {
	t.Helper()
	ctx, cancel := caddy.NewContext(caddy.Context{Context: t.Context()})
	t.Cleanup(cancel)
	return m.Provision(ctx)
}

func TestARenewedCertificateIsServedAndAHalfRenewedOneIsNot(t *testing.T) {
	folder := t.TempDir()
	issue(t, folder, 1)
	m := in(folder)
	if err := provisioned(t, m); err != nil {
		t.Fatal(err)
	}
	serves := func(want int64) {
		t.Helper()
		found, err := m.GetCertificate(t.Context(), nil)
		if err != nil || found.Leaf.SerialNumber.Int64() != want {
			t.Fatalf("serves %v, %v, want %d", found, err, want)
		}
	}
	later := func() { m.read = m.read.Add(-look) }
	serves(1)
	issue(t, folder, 2)
	serves(1)
	later()
	serves(2)
	key, err := os.ReadFile(m.Key)
	if err != nil {
		t.Fatal(err)
	}
	issue(t, folder, 3)
	next, err := os.ReadFile(m.Key)
	if err != nil {
		t.Fatal(err)
	}
	// The new certificate beside the old key.
	if err := os.WriteFile(m.Key, key, 0o600); err != nil {
		t.Fatal(err)
	}
	later()
	serves(2)
	if err := os.WriteFile(m.Key, next, 0o600); err != nil {
		t.Fatal(err)
	}
	later()
	serves(3)
	if err := os.Remove(m.Certificate); err != nil {
		t.Fatal(err)
	}
	later()
	serves(3)
}

func TestAConfigurationWithoutACertificateIsRefused(t *testing.T) {
	if err := provisioned(t, in(t.TempDir())); err == nil {
		t.Fatal("taken")
	}
}

// The whole of Caddy, with the policy that the gateway writes: who else is asked for a certificate is nobody.
func TestCaddyServesIt(t *testing.T) {
	folder := t.TempDir()
	issue(t, folder, 7)
	t.Setenv("XDG_DATA_HOME", folder)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	listener.Close()
	config := strings.NewReplacer("FOLDER", folder, "ADDRESS", address, "HOST", host).Replace(`{
		"admin": {"disabled": true, "config": {"persist": false}},
		"storage": {"module": "file_system", "root": "FOLDER/data"},
		"apps": {
			"http": {"servers": {"public": {
				"listen": ["ADDRESS"],
				"automatic_https": {"disable_redirects": true},
				"tls_connection_policies": [{}],
				"routes": [{"match": [{"host": ["HOST"]}], "handle": [{"handler": "static_response"}]}]
			}}},
			"tls": {"automation": {"policies": [{"subjects": ["HOST"], "get_certificate": [
				{"via": "mounted", "certificate": "FOLDER/tls.crt", "key": "FOLDER/tls.key"}
			]}]}}
		}
	}`)
	if err := caddy.Load([]byte(config), true); err != nil {
		t.Fatal(err)
	}
	defer caddy.Stop()
	served := func(name string) (int64, error) {
		connection, err := tls.Dial("tcp", address, &tls.Config{ServerName: name, InsecureSkipVerify: true})
		if err != nil {
			return 0, err
		}
		defer connection.Close()
		return connection.ConnectionState().PeerCertificates[0].SerialNumber.Int64(), nil
	}
	if serial, err := served(host); err != nil || serial != 7 {
		t.Fatalf("served %d, %v", serial, err)
	}
	if serial, err := served("other.test"); err == nil {
		t.Fatalf("served %d for a name that is not its own", serial)
	}
	issue(t, folder, 8)
	for deadline := time.Now().Add(3 * look); ; time.Sleep(time.Second) {
		serial, err := served(host)
		if err != nil {
			t.Fatal(err)
		}
		if serial == 8 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("still serves %d", serial)
		}
	}
}
