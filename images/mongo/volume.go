package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"
)

const (
	volume = "/data/db"
	// The database has a folder of its own, since a mount point cannot be renamed into place.
	data = volume + "/data"
	// Names the database that a folder holds, such as "MongoDB 8.0".
	versionFile = "atalaya-version"
	lockFile    = ".atalaya-lock"
	// What the name of a database begins with while it is made.
	unfinished = ".init."
)

var versionLine = regexp.MustCompile(`^(\S+) version v(\d+\.\d+)\.`)

// databaseName takes "MongoDB 8.0" from the output of mongod --version: the part of a version that
// has files of its own. A server that only stands in for MongoDB's says its own name.
func databaseName(output string) (string, error) {
	found := versionLine.FindStringSubmatch(output)
	if found == nil {
		line, _, _ := strings.Cut(output, "\n")
		return "", fmt.Errorf("cannot read a version from %q, the answer of mongod --version", line)
	}
	if found[1] == "db" {
		return "MongoDB " + found[2], nil
	}
	return found[1] + " " + found[2], nil
}

// ownDatabase is what the server of this image makes and reads.
func ownDatabase(ctx context.Context) (string, error) {
	output, err := exec.CommandContext(ctx, "mongod", "--version").Output()
	if err != nil {
		return "", fmt.Errorf("mongod --version: %w", err)
	}
	return databaseName(string(output))
}

// databaseIn names the database in a folder, empty where there is none, and refuses what the
// server of this image cannot read.
func databaseIn(folder, own string) (string, error) {
	content, err := os.ReadFile(filepath.Join(folder, versionFile))
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", notOurs(err)
	}
	found := strings.TrimSpace(string(content))
	if found != own {
		return "", fmt.Errorf("the volume holds a database of %s, this image is %s. Nothing was changed. "+
			"Use an image of %s, or dump the database with it and restore the dump into a new volume.",
			found, own, found)
	}
	return found, nil
}

// strangers lists what is on a volume without a database and was not put there by this program.
func strangers(folder string) ([]string, error) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, notOurs(err)
	}
	var found []string
	for _, entry := range entries {
		name := entry.Name()
		switch {
		case name == lockFile, name == "lost+found", strings.HasPrefix(name, unfinished):
		case name == filepath.Base(data) && isEmpty(filepath.Join(folder, name)):
		default:
			found = append(found, name)
		}
	}
	return found, nil
}

func isEmpty(folder string) bool {
	entries, err := os.ReadDir(folder)
	return err == nil && len(entries) == 0
}

// lockVolume keeps a second container on this machine away from the volume, until the last process
// that has the lock is gone, however it died. Servers in two containers do not see each other's
// processes.
func lockVolume(ctx context.Context, folder, advice string, patience time.Duration) error {
	// Opened without close-on-exec: the server that takes this process's place keeps the lock.
	lock, err := syscall.Open(filepath.Join(folder, lockFile), syscall.O_RDWR|syscall.O_CREAT, 0o600)
	if err != nil {
		return notOurs(err)
	}
	for started := time.Now(); ; {
		err := syscall.Flock(lock, syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			return fmt.Errorf("cannot lock the volume: %w", err)
		}
		if time.Since(started) > patience {
			syscall.Close(lock)
			return fmt.Errorf("another container uses this volume: %s", advice)
		}
		if err := pause(ctx, 200*time.Millisecond); err != nil {
			return err
		}
	}
}

func notOurs(err error) error {
	return fmt.Errorf("cannot use %s (%w); it must belong to uid %d", volume, err, os.Getuid())
}

// syncFile makes sure that a file, or the names in a folder, outlive a power cut.
func syncFile(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	return file.Sync()
}
