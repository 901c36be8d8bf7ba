package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Where Nginx says what it counts: loopback, of this container alone. See components/gateway/nginx/config.ts.
const statusAddress = "http://127.0.0.1:8083/"

// Nginx asks here for what it shows at /metrics of its port for health checks.
var metricsSocket = filepath.Join(runFolder, "metrics.sock")

// counts are what stub_status says.
type counts struct {
	active, accepted, handled, requests, reading, writing, waiting uint64
}

// readCounts reads its four lines.
func readCounts(text string) (counts, error) {
	var c counts
	read, err := fmt.Sscanf(strings.TrimSpace(text),
		"Active connections: %d \nserver accepts handled requests\n %d %d %d \nReading: %d Writing: %d Waiting: %d",
		&c.active, &c.accepted, &c.handled, &c.requests, &c.reading, &c.writing, &c.waiting)
	if err != nil {
		return c, fmt.Errorf("Nginx's status has %d of 7 numbers: %w", read, err)
	}
	return c, nil
}

// metrics writes them in Prometheus' format, by the names of nginx-prometheus-exporter. Without numbers it says
// that there are none.
func metrics(c counts, err error) string {
	var out strings.Builder
	metric := func(name, kind, help string, value uint64) {
		fmt.Fprintf(&out, "# HELP %s %s\n# TYPE %s %s\n%s %d\n", name, help, name, kind, name, value)
	}
	if err != nil {
		metric("nginx_up", "gauge", "Whether Nginx says what it counts.", 0)
		return out.String()
	}
	metric("nginx_up", "gauge", "Whether Nginx says what it counts.", 1)
	metric("nginx_connections_accepted", "counter", "Connections of clients that were accepted.", c.accepted)
	metric("nginx_connections_handled", "counter", "Those for which there was room.", c.handled)
	metric("nginx_connections_active", "gauge", "Connections of clients that are open.", c.active)
	metric("nginx_connections_reading", "gauge", "Those on which a request is read.", c.reading)
	metric("nginx_connections_writing", "gauge", "Those on which an answer is written.", c.writing)
	metric("nginx_connections_waiting", "gauge", "Those that wait for a request.", c.waiting)
	metric("nginx_http_requests_total", "counter", "Requests, with those of health checks.", c.requests)
	return out.String()
}

// showMetrics answers at the socket until the process ends.
func showMetrics() error {
	// On Kubernetes the folder outlives a container that ended.
	if err := os.Remove(metricsSocket); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	listener, err := net.Listen("unix", metricsSocket)
	if err != nil {
		return err
	}
	client := &http.Client{Timeout: 3 * time.Second}
	ask := func() (counts, error) {
		answer, err := client.Get(statusAddress)
		if err != nil {
			return counts{}, err
		}
		defer answer.Body.Close()
		text, err := io.ReadAll(io.LimitReader(answer.Body, 4<<10))
		if err != nil {
			return counts{}, err
		}
		return readCounts(string(text))
	}
	server := &http.Server{
		ReadHeaderTimeout: 3 * time.Second,
		Handler: http.HandlerFunc(func(to http.ResponseWriter, _ *http.Request) {
			to.Header().Set("Content-Type", "text/plain; version=0.0.4")
			io.WriteString(to, metrics(ask()))
		}),
	}
	return server.Serve(listener)
}
