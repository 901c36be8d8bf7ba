package main

import (
	"errors"
	"strings"
	"testing"
)

// As Nginx says it.
const status = "Active connections: 3 \nserver accepts handled requests\n 17 16 42 \nReading: 0 Writing: 2 Waiting: 1 \n"

func TestWhatNginxCountsIsRead(t *testing.T) {
	read, err := readCounts(status)
	if err != nil {
		t.Fatal(err)
	}
	if want := (counts{3, 17, 16, 42, 0, 2, 1}); read != want {
		t.Errorf("read %+v, want %+v", read, want)
	}
	for _, other := range []string{"", "<html>404</html>", strings.Replace(status, "42", "", 1)} {
		if _, err := readCounts(other); err == nil {
			t.Errorf("%q was taken for a status", other)
		}
	}
}

func TestMetricsHaveTheExportersNames(t *testing.T) {
	text := metrics(readCounts(status))
	for _, line := range []string{
		"nginx_up 1", "nginx_connections_accepted 17", "nginx_connections_handled 16",
		"nginx_connections_active 3", "nginx_connections_reading 0", "nginx_connections_writing 2",
		"nginx_connections_waiting 1", "nginx_http_requests_total 42",
		"# TYPE nginx_http_requests_total counter",
	} {
		if !strings.Contains(text, line+"\n") {
			t.Errorf("lacks %q in\n%s", line, text)
		}
	}
}

func TestWithoutNumbersNoneAreShown(t *testing.T) {
	if got := metrics(counts{}, errors.New("away")); !strings.HasSuffix(got, "\nnginx_up 0\n") ||
		strings.Contains(got, "connections") {
		t.Errorf("shows\n%s", got)
	}
}
