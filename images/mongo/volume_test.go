package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestDatabaseName(t *testing.T) {
	for output, want := range map[string]string{
		"db version v8.0.26\nBuild Info: {": "MongoDB 8.0",
		"db version v8.2.0-rc1\n":           "MongoDB 8.2",
		"FerretDB version v1.24.0\n":        "FerretDB 1.24",
		"mongod: not found":                 "",
	} {
		if got, err := databaseName(output); got != want || (want == "") != (err != nil) {
			t.Errorf("%q: got %q, %v", output, got, err)
		}
	}
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestDatabaseIn(t *testing.T) {
	folder := t.TempDir()
	if got, err := databaseIn(folder, "MongoDB 8.0"); got != "" || err != nil {
		t.Errorf("empty: got %q, %v", got, err)
	}
	write(t, filepath.Join(folder, versionFile), "MongoDB 7.0\n")
	if got, err := databaseIn(folder, "MongoDB 7.0"); got != "MongoDB 7.0" || err != nil {
		t.Errorf("same: got %q, %v", got, err)
	}
	_, err := databaseIn(folder, "MongoDB 8.0")
	if err == nil || !strings.Contains(err.Error(), "a database of MongoDB 7.0, this image is MongoDB 8.0") {
		t.Errorf("other: got %v", err)
	}
}

func TestStrangers(t *testing.T) {
	folder := t.TempDir()
	write(t, filepath.Join(folder, lockFile), "")
	write(t, filepath.Join(folder, unfinished+"123", "WiredTiger"), "")
	if err := os.Mkdir(filepath.Join(folder, "data"), 0o700); err != nil {
		t.Fatal(err)
	}
	if got, err := strangers(folder); len(got) != 0 || err != nil {
		t.Errorf("got %v, %v", got, err)
	}
	write(t, filepath.Join(folder, "data", "WiredTiger"), "")
	write(t, filepath.Join(folder, "WiredTiger"), "")
	if got, _ := strangers(folder); strings.Join(got, " ") != "WiredTiger data" {
		t.Errorf("got %v", got)
	}
}

func TestTheLockIsForOne(t *testing.T) {
	folder := t.TempDir()
	if err := lockVolume(t.Context(), folder, "stop it first", 0); err != nil {
		t.Fatal(err)
	}
	// Locks belong to open files, so that a second one in this process is refused as well.
	err := lockVolume(t.Context(), folder, "stop it first", 300*time.Millisecond)
	if err == nil || err.Error() != "another container uses this volume: stop it first" {
		t.Errorf("got %v", err)
	}
}
