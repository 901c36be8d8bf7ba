package main

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// machine is where things are read from.
type machine struct {
	cgroups string
	names   string
}

// container is what one takes, and may take. What is not known is absent.
type container struct {
	// The first 12 digits, as engines show them.
	id string
	// On Docker the tag of its log; on Kubernetes `namespace/container`.
	name   string
	values map[string]float64
}

// Engines name a container's group by the container's whole number: `docker/<id>`, `docker-<id>.scope`,
// `cri-containerd-<id>.scope`.
var number = regexp.MustCompile(`(?:^|[-/])([0-9a-f]{64})(?:\.scope)?$`)

// containers are those that have a name: others are nobody's here.
func (m machine) containers() ([]container, error) {
	names, err := m.readNames()
	if err != nil {
		return nil, err
	}
	groups, err := m.groups()
	if err != nil {
		return nil, err
	}
	var found []container
	for id, group := range groups {
		name, ok := names(id)
		if !ok {
			continue
		}
		found = append(found, container{id[:12], name, group.values()})
	}
	return found, nil
}

// group are the folders of a container's control groups: by controller, or one for all (version 2).
type group map[string]string

// groups finds every container's, by its number.
func (m machine) groups() (map[string]group, error) {
	found := map[string]group{}
	// Version 1 has a hierarchy a controller, version 2 one for all.
	roots := map[string]string{}
	for _, controller := range []string{"memory", "cpu", "cpuacct"} {
		// Where one hierarchy has both, `cpu` and `cpuacct` are links to `cpu,cpuacct`, which a walk would not follow.
		root, err := filepath.EvalSymlinks(filepath.Join(m.cgroups, controller))
		if err != nil {
			continue
		}
		if entry, err := os.Stat(root); err == nil && entry.IsDir() {
			roots[controller] = root
		}
	}
	if len(roots) == 0 {
		roots["unified"] = m.cgroups
	}
	for controller, root := range roots {
		err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
			if err != nil {
				// A group that has just ended.
				if path != root && (errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission)) {
					return fs.SkipDir
				}
				return err
			}
			if !entry.IsDir() {
				return nil
			}
			match := number.FindStringSubmatch(entry.Name())
			if match == nil {
				return nil
			}
			if found[match[1]] == nil {
				found[match[1]] = group{}
			}
			found[match[1]][controller] = path
			// What a container makes below it is its own.
			return fs.SkipDir
		})
		if err != nil {
			return nil, err
		}
	}
	return found, nil
}

// values reads one container's numbers, of whichever version there is.
func (g group) values() map[string]float64 {
	values := map[string]float64{}
	set := func(name string, value float64, ok bool) {
		if ok {
			values[name] = value
		}
	}
	folder := g["unified"]
	if folder == "" {
		folder = g["memory"]
	}
	if entry, err := os.Stat(folder); err == nil {
		values["container_start_time_seconds"] = float64(entry.ModTime().UnixMilli()) / 1000
	}
	if memory, ok := g["memory"]; ok {
		usage, used := number1(memory, "memory.usage_in_bytes")
		stat := table(memory, "memory.stat")
		set("container_memory_working_set_bytes", max(0, usage-stat["total_inactive_file"]), used)
		active, ok := stat["total_active_file"]
		set("container_memory_total_active_file_bytes", active, ok)
		limit, ok := number1(memory, "memory.limit_in_bytes")
		// Without a limit it is the largest number of pages.
		set("container_spec_memory_limit_bytes", limit, ok && limit < 1<<60)
		oom := table(memory, "memory.oom_control")
		kills, ok := oom["oom_kill"]
		set("container_oom_events_total", kills, ok)
	}
	if cpu, ok := g["cpu"]; ok {
		setThrottling(table(cpu, "cpu.stat"), set)
		quota, known := number1(cpu, "cpu.cfs_quota_us")
		period, ok := number1(cpu, "cpu.cfs_period_us")
		set("container_spec_cpu_quota", quota, known && quota > 0)
		set("container_spec_cpu_period", period, ok)
	}
	if accounting, ok := g["cpuacct"]; ok {
		nanoseconds, ok := number1(accounting, "cpuacct.usage")
		set("container_cpu_usage_seconds_total", nanoseconds/1e9, ok)
	}
	if all, ok := g["unified"]; ok {
		usage, used := number1(all, "memory.current")
		held := table(all, "memory.stat")
		set("container_memory_working_set_bytes", max(0, usage-held["inactive_file"]), used)
		active, ok := held["active_file"]
		set("container_memory_total_active_file_bytes", active, ok)
		limit, ok := number1(all, "memory.max")
		set("container_spec_memory_limit_bytes", limit, ok)
		kills, ok := table(all, "memory.events")["oom_kill"]
		set("container_oom_events_total", kills, ok)
		stat := table(all, "cpu.stat")
		microseconds, ok := stat["usage_usec"]
		set("container_cpu_usage_seconds_total", microseconds/1e6, ok)
		setThrottling(stat, set)
		// `max 100000`, or `50000 100000`.
		if words := strings.Fields(read(all, "cpu.max")); len(words) == 2 {
			quota, err := strconv.ParseFloat(words[0], 64)
			set("container_spec_cpu_quota", quota, err == nil)
			period, err := strconv.ParseFloat(words[1], 64)
			set("container_spec_cpu_period", period, err == nil)
		}
	}
	return values
}

func setThrottling(stat map[string]float64, set func(string, float64, bool)) {
	periods, ok := stat["nr_periods"]
	set("container_cpu_cfs_periods_total", periods, ok)
	throttled, ok := stat["nr_throttled"]
	set("container_cpu_cfs_throttled_periods_total", throttled, ok)
}

func read(folder, file string) string {
	text, err := os.ReadFile(filepath.Join(folder, file))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}

// number1 reads a file with one number; `max` is none.
func number1(folder, file string) (float64, bool) {
	value, err := strconv.ParseFloat(read(folder, file), 64)
	return value, err == nil
}

// table reads a file of lines with a word and a number.
func table(folder, file string) map[string]float64 {
	found := map[string]float64{}
	for _, line := range strings.Split(read(folder, file), "\n") {
		words := strings.Fields(line)
		if len(words) != 2 {
			continue
		}
		if value, err := strconv.ParseFloat(words[1], 64); err == nil {
			found[words[0]] = value
		}
	}
	return found
}

// Kubernetes' links to its logs: `<pod>_<namespace>_<container>-<id>.log`.
var podLog = regexp.MustCompile(`^[a-z0-9.-]+_([a-z0-9-]+)_([a-z0-9-]+)-([0-9a-f]{64})\.log$`)

// readNames says how a container is called, by its number. Docker's folder may be walked through and not listed.
func (m machine) readNames() (func(id string) (string, bool), error) {
	pods := map[string]string{}
	entries, err := os.ReadDir(m.names)
	if err != nil && !errors.Is(err, fs.ErrPermission) {
		return nil, err
	}
	for _, entry := range entries {
		if match := podLog.FindStringSubmatch(entry.Name()); match != nil {
			pods[match[3]] = match[1] + "/" + match[2]
		}
	}
	return func(id string) (string, bool) {
		if name, ok := pods[id]; ok {
			return name, true
		}
		name := tag(read(filepath.Join(m.names, id), "hostconfig.json"))
		return name, name != ""
	}, nil
}

// tag is what Docker writes to each line of a container's log, from its settings, which others than root may read.
func tag(settings string) string {
	var read struct {
		LogConfig struct{ Config map[string]string }
	}
	if err := json.Unmarshal([]byte(settings), &read); err != nil {
		return ""
	}
	return read.LogConfig.Config["tag"]
}
