package main

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"

	"github.com/caddyserver/certmagic"
	"go.uber.org/zap"
)

// Where Nginx hears what an authority asks; see components/gateway/gateway.ts.
const challengePort = 8080

var challengeAddress = fmt.Sprintf("127.0.0.1:%d", challengePort)

// public gets certificates by ACME. The client is CertMagic, Caddy's: instances share its storage, in which it
// locks, so that one of them asks for all, and each can answer what any of them was asked to prove.
type public struct {
	config *certmagic.Config
	issuer *certmagic.ACMEIssuer
}

func newPublic(read settings, log *zap.Logger) (*public, error) {
	roots, err := directoryRoots(read.DirectoryRoot)
	if err != nil {
		return nil, err
	}
	made := &public{}
	cache := certmagic.NewCache(certmagic.CacheOptions{
		GetConfigForCert: func(certmagic.Certificate) (*certmagic.Config, error) { return made.config, nil },
		Logger:           log,
	})
	made.config = certmagic.New(cache, certmagic.Config{
		Storage: &certmagic.FileStorage{Path: dataFolder + "/acme"},
		Logger:  log,
		// Nginx serves the certificates, and the way to an authority's responder is closed.
		OCSP: certmagic.OCSPConfig{DisableStapling: true},
	})
	made.issuer = certmagic.NewACMEIssuer(made.config, certmagic.ACMEIssuer{
		CA:                      read.Directory,
		Email:                   read.Email,
		Agreed:                  true,
		TrustedRoots:            roots,
		DisableTLSALPNChallenge: true,
		// Where Nginx listens already: CertMagic then leaves the answering to us.
		AltHTTPPort: challengePort,
		Logger:      log,
	})
	made.config.Issuers = []certmagic.Issuer{made.issuer}
	return made, nil
}

func directoryRoots(file string) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("%s: no certificate in it", file)
	}
	return roots, nil
}

func (p *public) current(host string) (*pair, error) {
	load := func(name string) ([]byte, error) {
		return p.config.Storage.Load(context.Background(), name)
	}
	key := p.issuer.IssuerKey()
	certificate, err := load(certmagic.StorageKeys.SiteCert(key, host))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	private, err := load(certmagic.StorageKeys.SitePrivateKey(key, host))
	if err != nil {
		return nil, err
	}
	return &pair{certificate, private}, nil
}

// manage obtains and renews from now on, and answers the authority's questions.
func (p *public) manage(ctx context.Context, hosts []string) error {
	listener, err := net.Listen("unix", runFolder+"/challenge.sock")
	if err != nil {
		return err
	}
	answer := &http.Server{Handler: p.issuer.HTTPChallengeHandler(http.NotFoundHandler())}
	go answer.Serve(listener)
	return p.config.ManageAsync(ctx, hosts)
}
