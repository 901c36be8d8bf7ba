package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

const mechanism = "SCRAM-SHA-256"

// The older mechanism is left out: no client of today needs it.
var mechanisms = []string{mechanism}

// server is a running server with its administrator logged in.
type server struct {
	address string
	client  *mongo.Client
}

// access makes the server's users match the access file, in one of two ways.
func access(
	ctx context.Context, apply func(context.Context, *server, []wantedUser) (changes int, err error),
) error {
	path := setting("ACCESS_FILE", "/run/secrets/access.json")
	content, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("cannot read the access file %s", path)
	}
	wanted, err := readAccess(content)
	if err != nil {
		return err
	}
	to, err := administer(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = to.client.Disconnect(context.Background()) }()
	changes, err := apply(ctx, to, wanted)
	if err == nil && changes == 0 {
		say("nothing to change")
	}
	return err
}

// administer logs the administrator in, and gives a server that starts up a minute for it.
func administer(ctx context.Context) (*server, error) {
	host := os.Getenv("ADMIN_HOST")
	if host == "" {
		return nil, errors.New("ADMIN_HOST is not set: it is the server's name")
	}
	password, err := secret("ADMIN_PASSWORD_FILE", "the administrator's password")
	if err != nil {
		return nil, err
	}
	address := net.JoinHostPort(host, setting("ADMIN_PORT", port))
	client, err := connect(address, setting("ADMIN_USER", "admin"), "admin", password)
	if err != nil {
		return nil, err
	}
	for started := time.Now(); ; {
		problem := ping(ctx, client)
		if problem == nil {
			return &server{address, client}, nil
		}
		if time.Since(started) > time.Minute {
			return nil, fmt.Errorf("%s did not let the administrator in within 60 s: %w", address, problem)
		}
		if err := pause(ctx, 500*time.Millisecond); err != nil {
			return nil, err
		}
	}
}

// connect makes a client for one server, whatever it says of its replica set.
func connect(address, user, database, password string) (*mongo.Client, error) {
	return mongo.Connect(options.Client().SetHosts([]string{address}).SetDirect(true).
		SetAppName("atalaya-mongo").
		SetAuth(options.Credential{
			AuthMechanism: mechanism,
			AuthSource:    database,
			Username:      user,
			Password:      password,
		}))
}

func ping(ctx context.Context, client *mongo.Client) error {
	ctx, release := context.WithTimeout(ctx, 5*time.Second)
	defer release()
	return client.Ping(ctx, nil)
}

func (s *server) run(ctx context.Context, database string, command bson.D, into any) error {
	ctx, release := context.WithTimeout(ctx, 30*time.Second)
	defer release()
	return runCommand(ctx, s.client, database, command, into)
}

func (s *server) users(ctx context.Context) (map[identity]foundUser, error) {
	var answer struct{ Users []foundUser }
	everywhere := bson.D{{Key: "usersInfo", Value: bson.D{{Key: "forAllDBs", Value: true}}}}
	if err := s.run(ctx, "admin", everywhere, &answer); err != nil {
		return nil, fmt.Errorf("cannot list the users: %w", err)
	}
	found := map[identity]foundUser{}
	for _, user := range answer.Users {
		found[user.identity()] = user
	}
	return found, nil
}

// update changes fields of a user.
func (s *server) update(ctx context.Context, user identity, fields ...bson.E) error {
	command := append(bson.D{{Key: "updateUser", Value: user.Name}}, fields...)
	if err := s.run(ctx, user.Database, command, nil); err != nil {
		return fmt.Errorf("user %s was not changed: %w", user, err)
	}
	return nil
}

// logsIn says whether a user's password is the wanted one.
func (s *server) logsIn(ctx context.Context, user wantedUser) (bool, error) {
	client, err := connect(s.address, user.Name, user.Database, user.Password)
	if err != nil {
		return false, err
	}
	defer func() { _ = client.Disconnect(context.Background()) }()
	err = ping(ctx, client)
	if refused(err) {
		return false, nil
	}
	return err == nil, err
}

// refused says whether an error means that a login failed.
func refused(err error) bool {
	var failure mongo.ServerError
	return errors.As(err, &failure) && failure.HasErrorCode(18)
}

// grant makes users and gives roles. It only adds: until consumers have changed, the old version may
// still need what it had, and would after a rollback.
func grant(ctx context.Context, to *server, wanted []wantedUser) (changes int, err error) {
	found, err := to.users(ctx)
	if err != nil {
		return 0, err
	}
	if err := foreign(wanted, found); err != nil {
		return 0, err
	}
	for _, user := range wanted {
		id := user.identity()
		there, ok := found[id]
		if !ok {
			err := to.run(ctx, user.Database, bson.D{
				{Key: "createUser", Value: user.Name},
				{Key: "pwd", Value: user.Password},
				{Key: "roles", Value: user.roles()},
				{Key: "customData", Value: mark},
				{Key: "mechanisms", Value: mechanisms},
			}, nil)
			if err != nil {
				return changes, fmt.Errorf("user %s was not made: %w", id, err)
			}
			say("made user %s: %s", id, roleNames(user.roles()))
			changes++
			continue
		}
		if roles := with(there.Roles, user.roles()); !sameRoles(roles, there.Roles) {
			if err := to.update(ctx, id, bson.E{Key: "roles", Value: roles}); err != nil {
				return changes, err
			}
			say("user %s: %s", id, roleNames(roles))
			changes++
		}
		works, err := to.logsIn(ctx, user)
		if err != nil {
			return changes, fmt.Errorf("cannot try the password of user %s: %w", id, err)
		}
		if !works {
			err := to.update(ctx, id, bson.E{Key: "pwd", Value: user.Password},
				bson.E{Key: "mechanisms", Value: mechanisms})
			if err != nil {
				return changes, err
			}
			say("user %s: the password is that of its secret", id)
			changes++
		}
	}
	return changes, nil
}

// revoke drops our users that are not wanted any more, and takes from the others what they have
// beyond what is wanted.
func revoke(ctx context.Context, to *server, wanted []wantedUser) (changes int, err error) {
	found, err := to.users(ctx)
	if err != nil {
		return 0, err
	}
	for _, user := range wanted {
		id := user.identity()
		there, ok := found[id]
		if !ok || !there.isOurs() || sameRoles(there.Roles, user.roles()) {
			continue
		}
		if err := to.update(ctx, id, bson.E{Key: "roles", Value: user.roles()}); err != nil {
			return changes, err
		}
		say("user %s: %s, and no more", id, roleNames(user.roles()))
		changes++
	}
	for _, id := range dropped(wanted, found) {
		drop := bson.D{{Key: "dropUser", Value: id.Name}}
		if err := to.run(ctx, id.Database, drop, nil); err != nil {
			return changes, fmt.Errorf("user %s was not dropped: %w", id, err)
		}
		changes++
		err := to.run(ctx, "admin", bson.D{{Key: "killAllSessions", Value: bson.A{
			bson.D{{Key: "user", Value: id.Name}, {Key: "db", Value: id.Database}},
		}}}, nil)
		switch {
		case unknownCommand(err):
			say("dropped user %s; this server cannot end its sessions", id)
		case err != nil:
			return changes, fmt.Errorf("dropped user %s, but its sessions did not end: %w", id, err)
		default:
			say("dropped user %s and ended its sessions", id)
		}
	}
	return changes, nil
}
