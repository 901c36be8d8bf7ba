package main

import (
	"fmt"
	"net"
	"strings"
)

// resolverConfig turns a resolv.conf into what Nginx needs to ask for a service's name again and again: a change
// of instances is seen within a second. Nginx does not complete names; on Kubernetes they have to be.
func resolverConfig(resolv string) (string, error) {
	var servers []string
	domain := ""
	for _, line := range strings.Split(resolv, "\n") {
		fields := strings.Fields(line)
		if len(fields) < 2 {
			continue
		}
		switch fields[0] {
		case "nameserver":
			address := net.ParseIP(fields[1])
			if address == nil {
				continue
			}
			if address.To4() == nil {
				servers = append(servers, "["+address.String()+"]")
			} else {
				servers = append(servers, address.String())
			}
		case "search":
			for _, candidate := range fields[1:] {
				// A namespace's own domain. What a Docker host searches leads elsewhere.
				if domain == "" && strings.Contains(candidate, ".svc.") && plainDomain(candidate) {
					domain = "." + strings.TrimSuffix(candidate, ".")
				}
			}
		}
	}
	if len(servers) == 0 {
		return "", fmt.Errorf("/etc/resolv.conf names no name server")
	}
	return fmt.Sprintf("resolver %s valid=1s ipv6=off;\nresolver_timeout 2s;\nmap \"\" $search_domain { default \"%s\"; }\n",
		strings.Join(servers, " "), domain), nil
}

func plainDomain(name string) bool {
	return strings.IndexFunc(name, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '-' || r == '.')
	}) < 0
}
