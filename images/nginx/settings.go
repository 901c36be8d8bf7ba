package main

import (
	"encoding/json"
	"fmt"
	"os"
)

const (
	configFile   = "/etc/atalaya/nginx.conf"
	settingsFile = "/etc/atalaya/gateway.json"
	// Memory of this container alone.
	runFolder = "/tmp/nginx"
	// Shared by all instances, and kept.
	dataFolder = "/data/nginx"
	// What the platform mounts.
	secretsFolder = "/run/secrets"
)

// settings are what the gateway says beside Nginx's own configuration.
type settings struct {
	Hosts []string `json:"hosts"`
	// off, detect or block.
	Firewall string `json:"firewall"`
	// internal, acme, files or platform.
	Issuer string `json:"issuer"`
	// Somebody collects what Nginx counts.
	Metrics bool `json:"metrics"`

	Email     string `json:"email"`
	Directory string `json:"directory"`
	// File with the PEM of the authority that vouches for the directory; the public ones when empty.
	DirectoryRoot string `json:"directoryRoot"`
}

func readSettings(file string) (settings, error) {
	var read settings
	text, err := os.ReadFile(file)
	if err != nil {
		return read, err
	}
	if err := json.Unmarshal(text, &read); err != nil {
		return read, fmt.Errorf("%s: %w", file, err)
	}
	switch read.Issuer {
	case "internal", "acme", "files", "platform":
		return read, nil
	}
	return read, fmt.Errorf("%s: no issuer %q: expected internal, acme, files or platform", file, read.Issuer)
}
