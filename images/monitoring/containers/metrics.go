package main

import (
	"fmt"
	"sort"
	"strconv"
	"strings"
)

var about = []struct{ name, kind, help string }{
	{"container_cpu_usage_seconds_total", "counter", "Processor time that was used."},
	{"container_cpu_cfs_periods_total", "counter", "Periods in which it might have run."},
	{"container_cpu_cfs_throttled_periods_total", "counter", "Those in which it was held at its limit."},
	{"container_spec_cpu_quota", "gauge", "Microseconds of processor time that it may use in a period."},
	{"container_spec_cpu_period", "gauge", "Microseconds of such a period."},
	{"container_memory_working_set_bytes", "gauge", "Memory in use, less files that were not read for long."},
	{"container_memory_total_active_file_bytes", "gauge", "Files among that, which go when room is needed."},
	{"container_spec_memory_limit_bytes", "gauge", "Memory that it may use."},
	{"container_oom_events_total", "counter", "Processes of it that were killed for its memory."},
	{"container_start_time_seconds", "gauge", "When it was started, in seconds since 1970."},
}

// metrics writes containers in Prometheus' format.
func metrics(of []container) string {
	sort.Slice(of, func(i, j int) bool { return of[i].name+of[i].id < of[j].name+of[j].id })
	var out strings.Builder
	for _, metric := range about {
		fmt.Fprintf(&out, "# HELP %s %s\n# TYPE %s %s\n", metric.name, metric.help, metric.name, metric.kind)
		for _, c := range of {
			value, ok := c.values[metric.name]
			if !ok {
				continue
			}
			fmt.Fprintf(&out, "%s{id=%s,name=%s} %s\n", metric.name, quoted(c.id), quoted(c.name),
				strconv.FormatFloat(value, 'f', -1, 64))
		}
	}
	return out.String()
}

var escape = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)

func quoted(text string) string { return `"` + escape.Replace(text) + `"` }
