// Command atalaya-mongo is what the containers of a MongoDB component run.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

const usage = `atalaya-mongo COMMAND

  init             make the database on an empty volume (once, before the first start)
  serve            run the server; never makes a database
  health           exit 0 when the server takes writes
  alive            exit 0 when it does, or starts up or recovers: no reason to kill it
  access --grant   make the users and roles that the access file wants
  access --revoke  withdraw users and roles that it does not want any more
  dump FOLDER      write all databases into an empty folder, with manifest.json
  load DUMP PLACE  make a database of that in an empty folder, and check it
  adopt PLACE      put it where the server looks for it, on a volume without a database
  holds            exit 0 when the volume has a database

Exit codes: 0 done, 1 failed (the reason is on stderr), 2 wrong usage.
`

func main() {
	// The first process of a container is not ended by a signal unless it asks for it.
	ctx, release := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer release()
	var err error
	command := strings.Join(os.Args[1:], " ")
	var folders []string
	if len(os.Args) > 2 && filepath.IsAbs(os.Args[2]) {
		command, folders = fmt.Sprintf("%s %d", os.Args[1], len(os.Args)-2), os.Args[2:]
	}
	switch command {
	case "init":
		err = initialise(ctx)
	case "serve":
		err = serve(ctx)
	case "health":
		err = health(ctx)
	case "alive":
		err = alive(ctx)
	case "access --grant":
		err = access(ctx, grant)
	case "access --revoke":
		err = access(ctx, revoke)
	case "dump 1":
		err = dump(ctx, folders[0])
	case "load 2":
		err = load(ctx, folders[0], folders[1])
	case "adopt 1":
		err = adopt(ctx, folders[0])
	case "holds":
		if err = holdsAny(ctx); errors.Is(err, errNothing) {
			os.Exit(1)
		}
	default:
		fmt.Fprint(os.Stderr, usage)
		os.Exit(2)
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "atalaya-mongo: %v\n", err)
		os.Exit(1)
	}
}

func say(format string, values ...any) {
	fmt.Printf("atalaya-mongo: "+format+"\n", values...)
}

var errInterrupted = errors.New("interrupted by a signal; the next run goes on")

// pause waits, unless this process is told to end.
func pause(ctx context.Context, duration time.Duration) error {
	select {
	case <-ctx.Done():
		return errInterrupted
	case <-time.After(duration):
		return nil
	}
}

// secret reads the file that an environment variable names, without line breaks.
func secret(variable, what string) (string, error) {
	path := os.Getenv(variable)
	if path == "" {
		return "", fmt.Errorf("%s is not set: it names the file with %s", variable, what)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("%s: cannot read %s", variable, path)
	}
	value := strings.NewReplacer("\r", "", "\n", "").Replace(string(content))
	if value == "" {
		return "", fmt.Errorf("%s: %s is empty", variable, path)
	}
	return value, nil
}

// setting is an environment variable or, where it is not set, what is usual.
func setting(variable, usual string) string {
	if value := os.Getenv(variable); value != "" {
		return value
	}
	return usual
}
