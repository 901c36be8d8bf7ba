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

	"go.mongodb.org/mongo-driver/v2/bson"
)

const (
	scratch = "/tmp"
	keyCopy = scratch + "/.replica-set-key"
	// How long a volume may be in use by a container that is on its way out.
	lockPatience = 20 * time.Second
)

// initialise makes an empty volume a database.
func initialise(ctx context.Context) error {
	own, err := ownDatabase(ctx)
	if err != nil {
		return err
	}
	if found, err := databaseIn(data, own); found != "" || err != nil {
		if err == nil {
			say("a database of %s is there already: nothing to do", found)
		}
		return err
	}
	if err := lockVolume(ctx, volume, "stop it first", lockPatience); err != nil {
		return err
	}
	if found, err := databaseIn(data, own); found != "" || err != nil {
		if err == nil {
			say("a database of %s was made meanwhile: nothing to do", found)
		}
		return err
	}
	unknown, err := strangers(volume)
	if err != nil {
		return err
	}
	if len(unknown) > 0 {
		return fmt.Errorf("%s holds files but no database of this program (%s). Nothing was changed. "+
			"Look at them, and move them away if they are of no use.",
			volume, strings.Join(unknown[:min(3, len(unknown))], ", "))
	}
	// What an interrupted attempt left behind: never complete, never used.
	leftovers, err := filepath.Glob(filepath.Join(volume, unfinished+"*"))
	if err != nil {
		return err
	}
	for _, folder := range leftovers {
		if err := os.RemoveAll(folder); err != nil {
			return notOurs(err)
		}
	}
	made, err := os.MkdirTemp(volume, unfinished)
	if err != nil {
		return notOurs(err)
	}
	if err := makeReplicaSet(ctx, made); err != nil {
		return err
	}
	if err := complete(made, own); err != nil {
		return fmt.Errorf("the new database could not be put into place: %w", err)
	}
	say("made a database of %s in %s", own, data)
	return nil
}

// makeReplicaSet makes a database that is a replica set of one member. The member's address is the
// loopback interface: wherever the volume is mounted, the server finds itself, and clients connect to
// it directly.
func makeReplicaSet(ctx context.Context, folder string) error {
	server, err := prepare(folder)
	if err != nil {
		return err
	}
	defer func() { _ = server.stop() }()
	if err := server.await(ctx, func(greeting) bool { return true }); err != nil {
		return err
	}
	err = server.run(ctx, bson.D{{Key: "replSetInitiate", Value: bson.D{
		{Key: "_id", Value: replicaSet},
		{Key: "members", Value: bson.A{
			bson.D{{Key: "_id", Value: 0}, {Key: "host", Value: local}},
		}},
	}}}, nil)
	if unknownCommand(err) {
		say("this server has no replica sets: there are no transactions and no change streams")
	} else if err != nil {
		return fmt.Errorf("replSetInitiate: %w", err)
	}
	if err := server.await(ctx, writable); err != nil {
		return err
	}
	return server.stop()
}

func writable(answer greeting) bool { return answer.IsWritablePrimary }

// complete names the database and puts its folder into place, in one step that a power cut cannot
// halve.
func complete(made, own string) error {
	name := filepath.Join(made, versionFile)
	if err := os.WriteFile(name, []byte(own+"\n"), 0o600); err != nil {
		return err
	}
	for _, path := range []string{name, made} {
		if err := syncFile(path); err != nil {
			return err
		}
	}
	if err := os.Rename(made, data); err != nil {
		return err
	}
	return syncFile(filepath.Dir(data))
}

// serve becomes the server, after it has given the administrator the password of today.
func serve(ctx context.Context) error {
	// Scratch space may outlive a container.
	if err := os.Remove(servingMark); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	own, err := ownDatabase(ctx)
	if err != nil {
		return err
	}
	found, err := databaseIn(data, own)
	if err != nil {
		return err
	}
	if found == "" {
		return fmt.Errorf("there is no database in %s, and serving never makes one: an empty volume here "+
			"may mean that the task was moved to another node while its data stayed behind. Bring the data "+
			"back (or restore a backup), or, for a new system, run this image once with 'init' on the volume.",
			data)
	}
	advice := "two servers on one volume would destroy the data. Stop the other one first"
	if err := lockVolume(ctx, volume, advice, lockPatience); err != nil {
		return err
	}
	config := setting("MONGO_CONFIG_FILE", "/etc/atalaya/mongod.conf")
	if _, err := os.ReadFile(config); err != nil {
		return fmt.Errorf("cannot read the configuration %s", config)
	}
	password, err := secret("ADMIN_PASSWORD_FILE", "the administrator's password")
	if err != nil {
		return err
	}
	if err := copyKey(); err != nil {
		return err
	}
	if err := setPassword(ctx, password); err != nil {
		return err
	}
	say("the administrator's password is that of its secret")
	program, err := exec.LookPath("mongod")
	if err != nil {
		return err
	}
	if err := os.WriteFile(servingMark, nil, 0o600); err != nil {
		return err
	}
	if ctx.Err() != nil {
		return errInterrupted
	}
	return syscall.Exec(program, []string{"mongod", "--config", config, "--dbpath", data,
		"--replSet", replicaSet, "--auth", "--keyFile", keyCopy,
		"--bind_ip_all", "--port", port, "--unixSocketPrefix", scratch}, os.Environ())
}

// setPassword sets the administrator's password before anybody else can connect.
func setPassword(ctx context.Context, password string) error {
	server, err := prepare(data)
	if err != nil {
		return err
	}
	defer func() { _ = server.stop() }()
	if err := server.await(ctx, writable); err != nil {
		return err
	}
	var found struct{ Users []bson.Raw }
	if err := server.run(ctx, bson.D{{Key: "usersInfo", Value: "admin"}}, &found); err != nil {
		return fmt.Errorf("cannot look up the administrator: %w", err)
	}
	command := "createUser"
	if len(found.Users) > 0 {
		command = "updateUser"
	}
	err = server.run(ctx, bson.D{
		{Key: command, Value: "admin"},
		{Key: "pwd", Value: password},
		{Key: "roles", Value: []role{{Name: "root", Database: "admin"}}},
		{Key: "mechanisms", Value: mechanisms},
	}, nil)
	if err != nil {
		return fmt.Errorf("cannot set the administrator's password: %w", err)
	}
	return server.stop()
}

var keyText = regexp.MustCompile(`^[A-Za-z0-9+/=]+$`)

// copyKey copies the key of the replica set's members. Mounted secrets may be read by their group,
// which mongod does not accept.
func copyKey() error {
	key, err := secret("KEY_FILE", "the key of the replica set's members")
	if err != nil {
		return err
	}
	if !keyText.MatchString(key) || len(key) < 6 || len(key) > 1024 {
		return errors.New("KEY_FILE: a key has 6 to 1024 letters, digits and + / =")
	}
	// Left by an earlier start, it could not be written to.
	if err := os.Remove(keyCopy); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return os.WriteFile(keyCopy, []byte(key+"\n"), 0o400)
}
