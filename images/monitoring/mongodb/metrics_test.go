package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
)

// As MongoDB's manual has the answer of a primary with one follower, less what is of no use here; every kind of number
// that the server sends.
func status() bson.D {
	count := func(names ...string) bson.D {
		var found bson.D
		for i, name := range names {
			found = append(found, bson.E{Key: name, Value: int64(i + 1)})
		}
		return found
	}
	took := func(latency, ops int64) bson.D {
		return bson.D{{Key: "latency", Value: latency}, {Key: "ops", Value: ops}}
	}
	return bson.D{
		{Key: "host", Value: "documents"},
		{Key: "version", Value: "8.0.4"},
		{Key: "pid", Value: int64(1)},
		{Key: "uptime", Value: 86400.5},
		{Key: "localTime", Value: bson.DateTime(1764370000000)},
		{Key: "asserts", Value: count("regular", "warning", "msg", "user", "tripwire", "rollovers")},
		{Key: "connections", Value: bson.D{
			{Key: "current", Value: int32(22)}, {Key: "available", Value: int32(838838)},
			{Key: "totalCreated", Value: int64(83)}, {Key: "rejected", Value: int32(0)},
			{Key: "active", Value: int32(2)}, {Key: "establishmentRateLimit", Value: count("rejected", "exempted")},
		}},
		{Key: "globalLock", Value: bson.D{
			{Key: "totalTime", Value: int64(9137723000)},
			{Key: "currentQueue", Value: bson.D{
				{Key: "total", Value: int32(3)}, {Key: "readers", Value: int32(1)}, {Key: "writers", Value: int32(2)},
			}},
		}},
		{Key: "mem", Value: bson.D{
			{Key: "bits", Value: int32(64)}, {Key: "resident", Value: int32(123)}, {Key: "supported", Value: true},
		}},
		{Key: "metrics", Value: bson.D{
			{Key: "cursor", Value: bson.D{
				{Key: "timedOut", Value: int64(2)},
				{Key: "lifespan", Value: count("lessThan1Second")},
				{Key: "open", Value: count("noTimeout", "pinned", "total")},
			}},
			{Key: "document", Value: count("deleted", "inserted", "returned", "updated")},
		}},
		{Key: "network", Value: bson.D{
			{Key: "bytesIn", Value: int64(32556669)}, {Key: "bytesOut", Value: int64(154125577)},
		}},
		{Key: "opLatencies", Value: bson.D{
			{Key: "reads", Value: took(6551302, 19565)}, {Key: "writes", Value: took(187113, 44)},
			{Key: "commands", Value: took(49938635, 43723)}, {Key: "transactions", Value: took(0, 0)},
		}},
		{Key: "opcounters", Value: append(count("insert", "query", "update", "delete", "getmore", "command"),
			bson.E{Key: "deprecated", Value: count("query")})},
		{Key: "wiredTiger", Value: bson.D{{Key: "cache", Value: bson.D{
			{Key: "bytes currently in the cache", Value: int64(52428800)},
			{Key: "maximum bytes configured", Value: 268435456.0},
			{Key: "tracked dirty bytes in the cache", Value: int32(1048576)},
			{Key: "pages read into cache", Value: int32(7)},
			{Key: "pages written from cache", Value: int32(8)},
		}}}},
		{Key: "ok", Value: 1.0},
	}
}

func replicas() bson.D {
	follows := func(name, state string, health float64, at int64) bson.D {
		return bson.D{
			{Key: "name", Value: name}, {Key: "stateStr", Value: state}, {Key: "health", Value: health},
			{Key: "optimeDate", Value: bson.DateTime(at)},
		}
	}
	return bson.D{
		{Key: "set", Value: "rs0"},
		{Key: "myState", Value: int32(1)},
		{Key: "members", Value: bson.A{
			follows("127.0.0.1:27017", "PRIMARY", 1, 1764370000000),
			follows("second:27017", "SECONDARY", 1, 1764369995000),
			// Never seen: it has no time of a change.
			follows("third:27017", "(not reachable/healthy)", 0, 0),
		}},
	}
}

func raw(t *testing.T, of bson.D) bson.Raw {
	t.Helper()
	bytes, err := bson.Marshal(of)
	if err != nil {
		t.Fatal(err)
	}
	return bytes
}

// What alerts and panels ask for is compared with this file, too.
func TestAPrimaryShowsAll(t *testing.T) {
	file := filepath.Join("testdata", "metrics.txt")
	text := metrics(answers{up: true, status: raw(t, status()), replicas: raw(t, replicas())})
	if os.Getenv("UPDATE_GOLDEN") == "1" {
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	wanted, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if text != string(wanted) {
		t.Errorf("got\n%s", text)
	}
}

func TestAServerThatIsAwayIsDownAndNothingElse(t *testing.T) {
	text := metrics(answers{})
	if !strings.HasSuffix(text, "\nmongodb_up 0\n") || strings.Count(text, "\n") != 3 {
		t.Errorf("got\n%s", text)
	}
}

func TestWhatAServerDoesNotSayIsNotShown(t *testing.T) {
	// As a server that knows neither caches nor replica sets; a field may be of another kind than expected.
	said := bson.D{{Key: "uptime", Value: 7.5}, {Key: "connections", Value: "many"}, {Key: "opLatencies", Value: bson.D{
		{Key: "reads", Value: 5}, {Key: "writes", Value: bson.D{{Key: "ops", Value: nil}}},
	}}}
	for _, of := range []answers{
		{up: true, status: raw(t, said)},
		{up: true, status: raw(t, said), replicas: raw(t, bson.D{{Key: "ok", Value: 1.0}})},
	} {
		text := metrics(of)
		for _, line := range []string{"mongodb_up 1", "mongodb_ss_uptime 7.5"} {
			if !strings.Contains(text, "\n"+line+"\n") {
				t.Errorf("lacks %s in\n%s", line, text)
			}
		}
		if strings.Count(text, "\n") != 6 {
			t.Errorf("got\n%s", text)
		}
	}
	if text := metrics(answers{up: true}); !strings.HasSuffix(text, "\nmongodb_up 1\n") {
		t.Errorf("got\n%s", text)
	}
}

func TestNamesOfMembersAreQuoted(t *testing.T) {
	if got := quoted("a\"b\\\n"); got != `"a\"b\\\n"` {
		t.Errorf("got %s", got)
	}
}

func TestEveryVariableIsAskedFor(t *testing.T) {
	file := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(file, []byte("hidden\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	given := map[string]string{
		"MONGO_HOST": "documents", "MONGO_PORT": "27017", "MONGO_NAME": "shop", "MONGO_USER": "metrics_a",
		"MONGO_PASSWORD_FILE": file,
	}
	for name, value := range given {
		t.Setenv(name, value)
	}
	if _, err := connect(); err != nil {
		t.Fatal(err)
	}
	for name, value := range given {
		t.Setenv(name, "")
		if _, err := connect(); err == nil || !strings.Contains(err.Error(), name) || strings.Contains(err.Error(), "hidden") {
			t.Errorf("%s: %v", name, err)
		}
		t.Setenv(name, value)
	}
	t.Setenv("MONGO_PASSWORD_FILE", "/nowhere")
	if _, err := connect(); err == nil {
		t.Error("a password that is not there was taken")
	}
}

func TestAFailureIsToldOnceUntilItChanges(t *testing.T) {
	var said source
	steps := []struct {
		err  error
		told string
	}{
		{nil, ""},
		{errors.New("no route to 10.0.0.1"), "no answer"},
		{errors.New("no route to 10.0.0.2"), "no answer"},
		{mongo.CommandError{Message: "connection closed"}, "no answer"},
		{mongo.CommandError{Code: 18, Message: "Authentication failed"}, "18"},
		{nil, ""},
	}
	for i, step := range steps {
		said.note("the server", step.err)
		if got := said.failures["the server"]; got != step.told {
			t.Errorf("%d: got %q, want %q", i, got, step.told)
		}
	}
}

func TestAServerWithoutReplicaSetIsNoFailure(t *testing.T) {
	for code, want := range map[int32]bool{76: true, 59: true, 13: false} {
		if got := withoutReplicas(mongo.CommandError{Code: code}); got != want {
			t.Errorf("%d: %v", code, got)
		}
	}
	if withoutReplicas(nil) || withoutReplicas(errors.New("away")) {
		t.Error("taken for one")
	}
}
