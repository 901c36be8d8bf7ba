// Package mounted makes the Caddy module tls.get_certificate.mounted: a certificate that the platform issues,
// and renews in place.
//
// Caddy itself reads certificate files once, when it loads its configuration.
package mounted

import (
	"context"
	"crypto/tls"
	"sync"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/certmagic"
	"go.uber.org/zap"
)

// look is how often the files are read, where anybody asks.
const look = 10 * time.Second

func init() {
	caddy.RegisterModule(new(Mounted))
}

// Mounted serves what its files have now.
type Mounted struct {
	// Certificate is the path of a PEM file: the certificate first, then the intermediate ones.
	Certificate string `json:"certificate"`
	// Key is the path of its key's PEM file.
	Key string `json:"key"`

	log     *zap.Logger
	mutex   sync.Mutex
	current *tls.Certificate
	read    time.Time
}

var _ certmagic.Manager = (*Mounted)(nil)

// CaddyModule tells Caddy the module's name.
func (*Mounted) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "tls.get_certificate.mounted",
		New: func() caddy.Module { return new(Mounted) },
	}
}

// Provision refuses a configuration whose files have no certificate.
func (m *Mounted) Provision(ctx caddy.Context) error {
	m.log = ctx.Logger()
	return m.load()
}

// GetCertificate is asked at every handshake.
func (m *Mounted) GetCertificate(context.Context, *tls.ClientHelloInfo) (*tls.Certificate, error) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	if time.Since(m.read) >= look {
		// One that is half renewed, or gone, is left for the next time.
		if err := m.load(); err != nil {
			m.log.Error("the certificate cannot be read again", zap.Error(err))
		}
	}
	return m.current, nil
}

func (m *Mounted) load() error {
	m.read = time.Now()
	found, err := tls.LoadX509KeyPair(m.Certificate, m.Key)
	if err == nil {
		m.current = &found
	}
	return err
}
