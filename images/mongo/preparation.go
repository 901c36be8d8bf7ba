package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

const replicaSet = "rs0"

// preparation is a server for this program alone: on the loopback interface, so that it needs no
// authentication. It is a member of the replica set all the same, so that it recovers what a killed
// server left behind.
type preparation struct {
	process *exec.Cmd
	output  tail
	ended   chan struct{}
	// Set before ended is closed.
	failure error
	shown   bool
	client  *mongo.Client
}

func prepare(folder string) (*preparation, error) {
	p := &preparation{ended: make(chan struct{})}
	p.process = exec.Command("mongod", "--dbpath", folder, "--replSet", replicaSet,
		"--bind_ip", "127.0.0.1", "--port", port, "--unixSocketPrefix", scratch)
	p.process.Stdout, p.process.Stderr = &p.output, &p.output
	if err := p.process.Start(); err != nil {
		return nil, fmt.Errorf("cannot start mongod: %w", err)
	}
	go func() {
		p.failure = p.process.Wait()
		close(p.ended)
	}()
	return p, nil
}

// await asks the server until its answer will do. Before its first answer it may recover data, which
// takes as long as it takes.
func (p *preparation) await(ctx context.Context, enough func(greeting) bool) error {
	var answered time.Time
	for told := time.Now(); ; {
		answer, err := hello(ctx, local)
		switch {
		case err == nil && enough(answer):
			return nil
		case err == nil && answered.IsZero():
			answered = time.Now()
		case !answered.IsZero() && time.Since(answered) > 2*time.Minute:
			return p.failed("the server answers but does not become writable")
		}
		if time.Since(told) > 30*time.Second {
			say("waiting for the server, which may be recovering its data")
			told = time.Now()
		}
		select {
		case <-p.ended:
			return p.failed("the server ended while it started (%v)", p.failure)
		case <-ctx.Done():
			return errInterrupted
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// run gives the server a command in the database admin.
func (p *preparation) run(ctx context.Context, command bson.D, into any) error {
	if p.client == nil {
		client, err := mongo.Connect(options.Client().SetHosts([]string{local}).SetDirect(true))
		if err != nil {
			return err
		}
		p.client = client
	}
	ctx, release := context.WithTimeout(ctx, time.Minute)
	defer release()
	return runCommand(ctx, p.client, "admin", command, into)
}

// stop shuts the server down; it may be called again. Nobody else uses it, so that it does not wait
// for clients or other members.
func (p *preparation) stop() error {
	if p.client != nil {
		_ = p.client.Disconnect(context.Background())
	}
	_ = p.process.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.ended:
	case <-time.After(time.Minute):
		_ = p.process.Process.Kill()
		<-p.ended
		return p.failed("the server did not shut down within a minute")
	}
	if p.failure != nil {
		return p.failed("the server did not shut down well (%v)", p.failure)
	}
	return nil
}

// failed shows what the server said last, once.
func (p *preparation) failed(format string, values ...any) error {
	if !p.shown {
		_, _ = os.Stderr.Write(p.output.bytes())
		p.shown = true
	}
	return fmt.Errorf(format+"; what it said last is above", values...)
}

// runCommand gives a server a command; a nil result is not looked at.
func runCommand(
	ctx context.Context, client *mongo.Client, database string, command bson.D, into any,
) error {
	result := client.Database(database).RunCommand(ctx, command)
	if into == nil {
		return result.Err()
	}
	return result.Decode(into)
}

// unknownCommand says whether an error means that the server has no such command.
func unknownCommand(err error) bool {
	var failure mongo.ServerError
	return errors.As(err, &failure) && failure.HasErrorCode(59)
}

// tail keeps the end of what is written to it.
type tail struct {
	mutex sync.Mutex
	text  []byte
}

const tailSize = 8 << 10

func (t *tail) Write(text []byte) (int, error) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	t.text = append(t.text, text...)
	if surplus := len(t.text) - tailSize; surplus > 0 {
		t.text = append(t.text[:0], t.text[surplus:]...)
	}
	return len(text), nil
}

func (t *tail) bytes() []byte {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	return append([]byte(nil), t.text...)
}
