package main

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// answers is what a server said of itself.
type answers struct {
	up bool
	// To serverStatus and replSetGetStatus; empty where it has not answered.
	status, replicas bson.Raw
}

// every stands for all fields of a document; the metric's label has their names.
const every = "*"

// metric is a value of serverStatus, or several under one name.
type metric struct {
	name, kind, help string
	// Of fields, from the outside.
	path []string
	// What the fields under every are.
	label string
}

var ofStatus = []metric{
	{"mongodb_ss_uptime", "gauge", "Seconds since the server was started.", []string{"uptime"}, ""},
	{"mongodb_ss_connections", "gauge", "Connections of clients; available: how many more there may be.",
		[]string{"connections", every}, "conn_type"},
	{"mongodb_ss_opcounters", "counter", "Operations of clients.", []string{"opcounters", every}, "legacy_op_type"},
	{"mongodb_ss_opLatencies_latency", "counter", "Microseconds that operations took.",
		[]string{"opLatencies", every, "latency"}, "op_type"},
	{"mongodb_ss_opLatencies_ops", "counter", "Operations that this time is of.",
		[]string{"opLatencies", every, "ops"}, "op_type"},
	{"mongodb_ss_globalLock_currentQueue", "gauge", "Operations that wait for their turn.",
		[]string{"globalLock", "currentQueue", every}, "count_type"},
	{"mongodb_ss_metrics_cursor_open", "gauge", "Cursors that clients have open.",
		[]string{"metrics", "cursor", "open", every}, "csr_type"},
	{"mongodb_ss_metrics_cursor_timedOut", "counter", "Cursors that clients left behind and the server closed.",
		[]string{"metrics", "cursor", "timedOut"}, ""},
	{"mongodb_ss_metrics_document", "counter", "Documents that were read and written.",
		[]string{"metrics", "document", every}, "doc_op_type"},
	{"mongodb_ss_asserts", "counter", "Errors by their kind.", []string{"asserts", every}, "assert_type"},
	{"mongodb_ss_network_bytesIn", "counter", "Bytes from clients.", []string{"network", "bytesIn"}, ""},
	{"mongodb_ss_network_bytesOut", "counter", "Bytes to clients.", []string{"network", "bytesOut"}, ""},
	{"mongodb_ss_mem_resident", "gauge", "Memory of the process, in MiB.", []string{"mem", "resident"}, ""},
	{"mongodb_ss_wt_cache_maximum_bytes_configured", "gauge", "Bytes that the cache may have.",
		[]string{"wiredTiger", "cache", "maximum bytes configured"}, ""},
	{"mongodb_ss_wt_cache_bytes_currently_in_the_cache", "gauge", "Bytes in the cache.",
		[]string{"wiredTiger", "cache", "bytes currently in the cache"}, ""},
	{"mongodb_ss_wt_cache_tracked_dirty_bytes_in_the_cache", "gauge", "Bytes among them that are not on disk yet.",
		[]string{"wiredTiger", "cache", "tracked dirty bytes in the cache"}, ""},
	{"mongodb_ss_wt_cache_pages_read_into_cache", "counter", "Pages that came from the disk.",
		[]string{"wiredTiger", "cache", "pages read into cache"}, ""},
	{"mongodb_ss_wt_cache_pages_written_from_cache", "counter", "Pages that went to the disk.",
		[]string{"wiredTiger", "cache", "pages written from cache"}, ""},
}

// member is a server of a replica set as one of them sees it.
type member struct {
	Name   string        `bson:"name"`
	State  string        `bson:"stateStr"`
	Health float64       `bson:"health"`
	Latest bson.DateTime `bson:"optimeDate"`
}

// metrics writes answers in Prometheus' format.
func metrics(of answers) string {
	var out strings.Builder
	head := func(name, kind, help string) {
		fmt.Fprintf(&out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, kind)
	}
	line := func(name string, labels string, value float64) {
		fmt.Fprintf(&out, "%s%s %s\n", name, labels, strconv.FormatFloat(value, 'f', -1, 64))
	}
	head("mongodb_up", "gauge", "Whether the server lets its metrics be asked for.")
	if !of.up {
		line("mongodb_up", "", 0)
		return out.String()
	}
	line("mongodb_up", "", 1)
	for _, m := range ofStatus {
		found := values(of.status, m.path)
		if len(found) == 0 {
			continue
		}
		head(m.name, m.kind, m.help)
		for _, field := range slices.Sorted(maps.Keys(found)) {
			labels := ""
			if m.label != "" {
				labels = fmt.Sprintf("{%s=%s}", m.label, quoted(field))
			}
			line(m.name, labels, found[field])
		}
	}
	var set struct {
		State   *float64 `bson:"myState"`
		Members []member `bson:"members"`
	}
	if len(of.replicas) == 0 || bson.Unmarshal(of.replicas, &set) != nil || set.State == nil {
		return out.String()
	}
	head("mongodb_rs_myState", "gauge", "State of the server in its replica set: 1 takes writes, 2 follows.")
	line("mongodb_rs_myState", "", *set.State)
	labels := func(m member) string {
		return fmt.Sprintf("{member_idx=%s,member_state=%s}", quoted(m.Name), quoted(m.State))
	}
	head("mongodb_rs_members_health", "gauge", "Whether this server reaches the member.")
	for _, m := range set.Members {
		line("mongodb_rs_members_health", labels(m), m.Health)
	}
	head("mongodb_rs_members_optimeDate", "gauge", "The member's latest change, in milliseconds since 1970.")
	for _, m := range set.Members {
		if m.Latest > 0 {
			line("mongodb_rs_members_optimeDate", labels(m), float64(m.Latest))
		}
	}
	return out.String()
}

// values has the numbers at a path, by the name of the field under every.
func values(of bson.Raw, path []string) map[string]float64 {
	found := map[string]float64{}
	if len(of) == 0 {
		return found
	}
	i := slices.Index(path, every)
	if i < 0 {
		if value, ok := number(of.Lookup(path...)); ok {
			found[""] = value
		}
		return found
	}
	fields, err := document(of.Lookup(path[:i]...)).Elements()
	if err != nil {
		return found
	}
	for _, field := range fields {
		value := field.Value()
		if rest := path[i+1:]; len(rest) > 0 {
			value = document(value).Lookup(rest...)
		}
		if number, ok := number(value); ok {
			found[field.Key()] = number
		}
	}
	return found
}

// empty is a document without fields.
var empty = bson.Raw{5, 0, 0, 0, 0}

func document(value bson.RawValue) bson.Raw {
	if found, ok := value.DocumentOK(); ok {
		return found
	}
	return empty
}

// number reads any of MongoDB's kinds of number.
func number(value bson.RawValue) (float64, bool) {
	switch value.Type {
	case bson.TypeDouble:
		return value.DoubleOK()
	case bson.TypeInt32, bson.TypeInt64:
		whole, ok := value.AsInt64OK()
		return float64(whole), ok
	default:
		return 0, false
	}
}

var escape = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)

func quoted(text string) string { return `"` + escape.Replace(text) + `"` }
