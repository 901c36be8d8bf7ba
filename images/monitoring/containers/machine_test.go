package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const (
	first  = "032f98779eb69a7734992635815a455cac1f3389f097aba89fdb143284e5e475"
	second = "132f98779eb69a7734992635815a455cac1f3389f097aba89fdb143284e5e475"
)

// As Docker 20.10 writes them, less what is of no use here.
func settings(tag string) string {
	return `{"Binds":null,"LogConfig":{"Type":"json-file","Config":{"max-size":"10m","tag":"` + tag + `"}},"Memory":1}`
}

func write(t *testing.T, root string, files map[string]string) {
	t.Helper()
	for path, content := range files {
		file := filepath.Join(root, path)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func shown(t *testing.T, m machine) string {
	t.Helper()
	found, err := m.containers()
	if err != nil {
		t.Fatal(err)
	}
	return metrics(found)
}

func expect(t *testing.T, text string, lines ...string) {
	t.Helper()
	for _, line := range lines {
		if !strings.Contains(text, line+"\n") {
			t.Errorf("lacks %s in\n%s", line, text)
		}
	}
}

func TestDockerWithControlGroupsOfVersion1(t *testing.T) {
	root := t.TempDir()
	write(t, root, map[string]string{
		"cgroup/memory/docker/" + first + "/memory.usage_in_bytes":  "1000000\n",
		"cgroup/memory/docker/" + first + "/memory.limit_in_bytes":  "4000000\n",
		"cgroup/memory/docker/" + first + "/memory.stat":            "inactive_file 5\ntotal_inactive_file 200000\ntotal_active_file 300000\n",
		"cgroup/memory/docker/" + first + "/memory.oom_control":     "oom_kill_disable 0\nunder_oom 0\noom_kill 3\n",
		"cgroup/cpu/docker/" + first + "/cpu.stat":                  "nr_periods 100\nnr_throttled 40\nthrottled_time 5\n",
		"cgroup/cpu/docker/" + first + "/cpu.cfs_quota_us":          "50000\n",
		"cgroup/cpu/docker/" + first + "/cpu.cfs_period_us":         "100000\n",
		"cgroup/cpuacct/docker/" + first + "/cpuacct.usage":         "2500000000\n",
		"cgroup/memory/docker/" + second + "/memory.usage_in_bytes": "7\n",
		"cgroup/memory/docker/" + second + "/memory.limit_in_bytes": "9223372036854771712\n",
		"cgroup/cpu/docker/" + second + "/cpu.cfs_quota_us":         "-1\n",
		"names/" + first + "/hostconfig.json":                       settings("dev-shop-db"),
		"names/" + second + "/hostconfig.json":                      settings("dev-shop-api"),
	})
	text := shown(t, machine{filepath.Join(root, "cgroup"), filepath.Join(root, "names")})
	db := `{id="032f98779eb6",name="dev-shop-db"} `
	expect(t, text,
		"container_cpu_usage_seconds_total"+db+"2.5",
		"container_cpu_cfs_periods_total"+db+"100",
		"container_cpu_cfs_throttled_periods_total"+db+"40",
		"container_spec_cpu_quota"+db+"50000",
		"container_spec_cpu_period"+db+"100000",
		"container_memory_working_set_bytes"+db+"800000",
		"container_memory_total_active_file_bytes"+db+"300000",
		"container_spec_memory_limit_bytes"+db+"4000000",
		"container_oom_events_total"+db+"3",
		`container_memory_working_set_bytes{id="132f98779eb6",name="dev-shop-api"} 7`,
	)
	if strings.Contains(text, `limit_bytes{id="132f`) || strings.Contains(text, `quota{id="132f`) {
		t.Errorf("no limit was taken for one in\n%s", text)
	}
	if !strings.Contains(text, "container_start_time_seconds"+db) {
		t.Errorf("lacks its start in\n%s", text)
	}
}

func TestProcessorTimeWhereItsControllersShareAHierarchy(t *testing.T) {
	root := t.TempDir()
	group := "cgroup/cpu,cpuacct/kubepods/burstable/pod1/" + first
	write(t, root, map[string]string{
		"cgroup/memory/kubepods/burstable/pod1/" + first + "/memory.usage_in_bytes": "1000000\n",
		group + "/cpu.cfs_quota_us":                "50000\n",
		group + "/cpuacct.usage":                   "2500000000\n",
		"names/db-0_dev-shop_db-" + first + ".log": "",
	})
	for _, name := range []string{"cpu", "cpuacct"} {
		if err := os.Symlink("cpu,cpuacct", filepath.Join(root, "cgroup", name)); err != nil {
			t.Fatal(err)
		}
	}
	text := shown(t, machine{filepath.Join(root, "cgroup"), filepath.Join(root, "names")})
	db := `{id="032f98779eb6",name="dev-shop/db"} `
	expect(t, text,
		"container_cpu_usage_seconds_total"+db+"2.5",
		"container_spec_cpu_quota"+db+"50000",
		"container_memory_working_set_bytes"+db+"1000000",
	)
}

func TestKubernetesWithControlGroupsOfVersion2(t *testing.T) {
	root := t.TempDir()
	pod := "cgroup/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod1.slice/"
	write(t, root, map[string]string{
		pod + "cri-containerd-" + first + ".scope/memory.current":  "1000000\n",
		pod + "cri-containerd-" + first + ".scope/memory.max":      "4000000\n",
		pod + "cri-containerd-" + first + ".scope/memory.stat":     "inactive_file 200000\nactive_file 300000\n",
		pod + "cri-containerd-" + first + ".scope/memory.events":   "oom 1\noom_kill 1\n",
		pod + "cri-containerd-" + first + ".scope/cpu.stat":        "usage_usec 2500000\nnr_periods 10\nnr_throttled 4\n",
		pod + "cri-containerd-" + first + ".scope/cpu.max":         "50000 100000\n",
		pod + "cri-containerd-" + second + ".scope/memory.current": "1\n",
		pod + "cri-containerd-" + second + ".scope/memory.max":     "max\n",
		pod + "cri-containerd-" + second + ".scope/cpu.max":        "max 100000\n",
		"names/db-0_dev-shop_db-" + first + ".log":                 "",
		"names/api-5d8f_dev-shop_api-" + second + ".log":           "",
	})
	text := shown(t, machine{filepath.Join(root, "cgroup"), filepath.Join(root, "names")})
	db := `{id="032f98779eb6",name="dev-shop/db"} `
	expect(t, text,
		"container_cpu_usage_seconds_total"+db+"2.5",
		"container_cpu_cfs_throttled_periods_total"+db+"4",
		"container_spec_cpu_quota"+db+"50000",
		"container_memory_working_set_bytes"+db+"800000",
		"container_spec_memory_limit_bytes"+db+"4000000",
		"container_oom_events_total"+db+"1",
	)
	if strings.Contains(text, `limit_bytes{id="132f`) || strings.Contains(text, `quota{id="132f`) {
		t.Errorf("no limit was taken for one in\n%s", text)
	}
}

func TestContainersThatNobodyNamedAreLeftOut(t *testing.T) {
	root := t.TempDir()
	write(t, root, map[string]string{
		"cgroup/memory/docker/" + first + "/memory.usage_in_bytes":  "1\n",
		"cgroup/memory/docker/" + second + "/memory.usage_in_bytes": "1\n",
		"cgroup/memory/docker/init.scope/memory.usage_in_bytes":     "1\n",
		"names/" + first + "/hostconfig.json":                       `{"LogConfig":{"Type":"json-file","Config":null}}`,
	})
	if text := shown(t, machine{filepath.Join(root, "cgroup"), filepath.Join(root, "names")}); strings.Contains(text, "{") {
		t.Errorf("shows\n%s", text)
	}
}

func TestWhereThereIsNothingToReadNobodySaysZero(t *testing.T) {
	if _, err := (machine{"/nowhere", "/nowhere"}).containers(); err == nil {
		t.Error("nothing was found, and nobody said so")
	}
}

func TestNamesCannotEndALine(t *testing.T) {
	text := metrics([]container{{"1", "a\"}\nb", map[string]float64{"container_oom_events_total": 1}}})
	expect(t, text, `container_oom_events_total{id="1",name="a\"}\nb"} 1`)
}
