package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

const (
	archiveFile  = "dump.archive"
	manifestFile = "manifest.json"
)

// manifest says what was written out, so that a restore can be compared with it.
type manifest struct {
	Store string `json:"store"`
	// At is a moment in seconds since 1970: all that was written before it is there.
	At int64 `json:"at"`
	// Version names the server, such as "MongoDB 8.0".
	Version string `json:"version"`
	// Documents is how many there are, without the server's own.
	Documents int64 `json:"documents"`
	// OneMoment says that all of them are of one moment; where the server has no oplog each collection is of a
	// moment of its own.
	OneMoment bool `json:"oneMoment"`
}

// Databases that are the server's own: users come from the links, settings from the replica set that is restored to.
var ownDatabases = []string{"admin", "config", "local"}

// dump writes all databases into an empty folder. The user may read them and change nothing.
func dump(ctx context.Context, folder string) error {
	host, user := os.Getenv("MONGO_HOST"), os.Getenv("MONGO_USER")
	database := os.Getenv("MONGO_NAME")
	if host == "" || user == "" || database == "" {
		return errors.New("set MONGO_HOST, MONGO_USER and MONGO_NAME to the server, and to who may back it up")
	}
	password, err := secret("MONGO_PASSWORD_FILE", "the password of "+user)
	if err != nil {
		return err
	}
	own, err := ownDatabase(ctx)
	if err != nil {
		return err
	}
	mongoPort := setting("MONGO_PORT", port)
	answer, err := hello(ctx, net.JoinHostPort(host, mongoPort))
	if err != nil {
		return fmt.Errorf("%s:%s does not answer: %w", host, mongoPort, err)
	}
	config, err := passwordFile(password)
	if err != nil {
		return err
	}
	defer os.Remove(config)
	arguments := []string{
		"--config", config, "--host", host, "--port", mongoPort, "--username", user,
		"--authenticationDatabase", database, "--authenticationMechanism", mechanism,
		"--archive=" + filepath.Join(folder, archiveFile),
		// One after another: what did not change is then the same again, and takes no room in a repository.
		"--numParallelCollections", "1",
	}
	// Of the oplog mongodump takes what was written until it began to write that out, which it does not tell. What is
	// promised is what is sure: the moment at which it began.
	found := manifest{Store: "mongo", Version: own, At: time.Now().Unix()}
	if answer.SetName != "" {
		found.OneMoment = true
		arguments = append(arguments, "--oplog")
	} else {
		say("this server has no oplog: each collection is of a moment of its own")
	}
	output, err := tool(ctx, "mongodump", arguments...)
	if err != nil {
		return err
	}
	found.Documents = dumped(output)
	text, err := json.Marshal(found)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(folder, manifestFile), append(text, '\n'), 0o600); err != nil {
		return err
	}
	say("wrote %d documents", found.Documents)
	return nil
}

// passwordFile is a file of settings for MongoDB's tools: a password is on no command line.
func passwordFile(password string) (string, error) {
	// JSON is YAML.
	text, err := json.Marshal(map[string]string{"password": password})
	if err != nil {
		return "", err
	}
	file, err := os.CreateTemp(scratch, ".dump-*.yaml")
	if err != nil {
		return "", err
	}
	_, err = file.Write(text)
	return file.Name(), errors.Join(err, file.Close())
}

// tool runs one of MongoDB's tools; what it says last is shown when it fails.
func tool(ctx context.Context, name string, arguments ...string) (string, error) {
	process := exec.CommandContext(ctx, name, arguments...)
	var output bytes.Buffer
	process.Stdout, process.Stderr = &output, &output
	process.Cancel = func() error { return process.Process.Signal(os.Interrupt) }
	process.WaitDelay = 10 * time.Second
	if err := process.Run(); err != nil {
		last := tail{}
		_, _ = last.Write(output.Bytes())
		_, _ = os.Stderr.Write(last.bytes())
		if ctx.Err() != nil {
			return "", errInterrupted
		}
		return "", fmt.Errorf("%s: %w; what it said last is above", name, err)
	}
	return output.String(), nil
}

var (
	dumpedLine   = regexp.MustCompile(`done dumping ([^.]+)\.\S+ \((\d+) documents?\)`)
	restoredLine = regexp.MustCompile(`(\d+) document\(s\) restored successfully\. (\d+) document\(s\) failed`)
)

// dumped counts the documents that mongodump says it has written, without those of the server's own databases.
func dumped(output string) int64 {
	var sum int64
	lines := bufio.NewScanner(strings.NewReader(output))
	for lines.Scan() {
		line := dumpedLine.FindStringSubmatch(lines.Text())
		if line == nil || isOwn(line[1]) {
			continue
		}
		count, err := strconv.ParseInt(line[2], 10, 64)
		if err == nil {
			sum += count
		}
	}
	return sum
}

func isOwn(database string) bool {
	for _, own := range ownDatabases {
		if database == own {
			return true
		}
	}
	return false
}

// restored reads how many documents mongorestore says it has written, and refuses any that it could not.
func restored(output string) (int64, error) {
	line := restoredLine.FindStringSubmatch(output)
	if line == nil {
		return 0, errors.New("mongorestore does not say how much it has restored")
	}
	if line[2] != "0" {
		return 0, fmt.Errorf("%s documents could not be restored", line[2])
	}
	return strconv.ParseInt(line[1], 10, 64)
}

// load makes a database of what dump wrote, in an empty folder, and checks it.
func load(ctx context.Context, from, place string) error {
	text, err := os.ReadFile(filepath.Join(from, manifestFile))
	if err != nil {
		return fmt.Errorf("%s is no dump of this program", from)
	}
	var expected manifest
	if err := json.Unmarshal(text, &expected); err != nil || expected.Store != "mongo" {
		return fmt.Errorf("%s in %s is damaged, or of another store", manifestFile, from)
	}
	own, err := ownDatabase(ctx)
	if err != nil {
		return err
	}
	folder := filepath.Join(place, filepath.Base(data))
	if err := os.Mkdir(folder, 0o700); err != nil {
		return err
	}
	if err := makeReplicaSet(ctx, folder); err != nil {
		return err
	}
	server, err := prepare(folder)
	if err != nil {
		return err
	}
	defer func() { _ = server.stop() }()
	if err := server.await(ctx, writable); err != nil {
		return err
	}
	arguments := []string{
		"--host", "127.0.0.1", "--port", port,
		"--archive=" + filepath.Join(from, archiveFile), "--stopOnError",
	}
	for _, database := range ownDatabases {
		arguments = append(arguments, "--nsExclude", database+".*")
	}
	if expected.OneMoment {
		arguments = append(arguments, "--oplogReplay")
	}
	output, err := tool(ctx, "mongorestore", arguments...)
	if err != nil {
		return err
	}
	count, err := restored(output)
	if err != nil {
		return err
	}
	if count != expected.Documents {
		return fmt.Errorf("%d documents were written out, %d were restored", expected.Documents, count)
	}
	if err := server.stop(); err != nil {
		return err
	}
	name := filepath.Join(folder, versionFile)
	if err := os.WriteFile(name, []byte(own+"\n"), 0o600); err != nil {
		return err
	}
	say("the server has %d documents", count)
	return errors.Join(syncFile(name), syncFile(folder))
}

// adopt puts what load made where the server looks for it, in one step.
func adopt(ctx context.Context, place string) error {
	there, err := holds(ctx)
	if err != nil {
		return err
	}
	if there {
		return fmt.Errorf("there is a database on the volume already. Nothing was changed")
	}
	if err := os.Rename(filepath.Join(place, filepath.Base(data)), data); err != nil {
		return fmt.Errorf("the restored database could not be put into place: %w", err)
	}
	return syncFile(filepath.Dir(data))
}

// holds says whether the volume has a database.
func holds(ctx context.Context) (bool, error) {
	own, err := ownDatabase(ctx)
	if err != nil {
		return false, err
	}
	found, err := databaseIn(data, own)
	return found != "", err
}

var errNothing = errors.New("there is no database on the volume")

// holdsAny is holds as a command.
func holdsAny(ctx context.Context) error {
	there, err := holds(ctx)
	if err == nil && !there {
		return errNothing
	}
	return err
}
