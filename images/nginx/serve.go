package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

const (
	// Until nobody sends this instance anything new: the front asks every half second.
	drain = 4 * time.Second
	// For what is open then. Nginx ends it after ten by itself.
	last = 12 * time.Second
	// How often certificates are looked at.
	look = 10 * time.Second
)

var draining = filepath.Join(runFolder, "draining")

// gateway is one instance with everything that Nginx needs to start.
type gateway struct {
	settings settings
	log      *journal
	// Of the firewall's lines.
	seal string
	// Nil where certificates are files.
	keeper *keeper
	// Nil where nobody outside is asked for them.
	public *public
}

func prepare() (*gateway, error) {
	read, err := readSettings(settingsFile)
	if err != nil {
		return nil, err
	}
	g := &gateway{settings: read, log: &journal{out: os.Stdout}, seal: newSeal()}
	certificates := filepath.Join(runFolder, "certificates")
	if err := os.MkdirAll(certificates, 0o700); err != nil {
		return nil, err
	}
	resolv, err := os.ReadFile("/etc/resolv.conf")
	if err != nil {
		return nil, err
	}
	config, err := resolverConfig(string(resolv))
	if err != nil {
		return nil, err
	}
	config += fmt.Sprintf("map \"\" $seal { default \"%s\"; }\n", g.seal)
	if err := os.WriteFile(filepath.Join(runFolder, "instance.conf"), []byte(config), 0o600); err != nil {
		return nil, err
	}
	g.keeper = &keeper{folder: certificates, hosts: read.Hosts}
	switch read.Issuer {
	case "files":
		g.keeper = nil
		return g, nil
	case "internal":
		signer, err := openAuthority(filepath.Join(dataFolder, "authority"))
		if err != nil {
			return nil, fmt.Errorf("the gateway's authority: %w", err)
		}
		g.keeper.source = own{signer, g.keeper}
	case "acme":
		if g.public, err = newPublic(read, acmeLog()); err != nil {
			return nil, err
		}
		g.keeper.source = g.public
	case "platform":
		g.keeper.source = mounted{secretsFolder}
	}
	_, err = g.keeper.refresh()
	return g, err
}

func acmeLog() *zap.Logger {
	config := zap.NewProductionConfig()
	config.OutputPaths = []string{"stdout"}
	config.EncoderConfig.TimeKey = "time"
	config.EncoderConfig.MessageKey = "message"
	config.EncoderConfig.EncodeTime = zapcore.RFC3339TimeEncoder
	config.DisableStacktrace = true
	log, err := config.Build()
	if err != nil {
		return zap.NewNop()
	}
	return log.Named("acme")
}

// nginx is the program with our configuration. Before it has read where its messages go, they go to stderr.
func nginx(args ...string) *exec.Cmd {
	command := exec.Command("nginx", append([]string{"-e", "stderr", "-c", configFile}, args...)...)
	// Its firewall allocates thousands of times a request.
	command.Env = append(command.Environ(), "LD_PRELOAD=libjemalloc.so.2")
	return command
}

func test() error {
	said, err := nginx("-t", "-q").CombinedOutput()
	if err != nil {
		return fmt.Errorf("Nginx does not accept the configuration:\n%s", said)
	}
	return nil
}

func check() error {
	if _, err := prepare(); err != nil {
		return err
	}
	if err := test(); err != nil {
		return err
	}
	fmt.Println("atalaya-nginx: the configuration is right")
	return nil
}

func serve() error {
	// On Kubernetes it outlives the container: what the last one left says that this instance is about to end, and holds
	// the names of sockets.
	if err := os.RemoveAll(runFolder); err != nil {
		return err
	}
	g, err := prepare()
	if err != nil {
		return err
	}
	if err := test(); err != nil {
		return err
	}
	process := nginx("-g", "daemon off;")
	process.Stdout = os.Stdout
	complaints, err := process.StderrPipe()
	if err != nil {
		return err
	}
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	if err := process.Start(); err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() {
		g.log.errors(complaints, g.settings.Firewall == "block", g.seal)
		ended <- process.Wait()
	}()

	if g.settings.Metrics {
		// Without numbers it goes on serving: who collects them says that they are missing.
		go func() { g.log.say("error", fmt.Sprintf("metrics: %v", showMetrics())) }()
	}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	if g.public != nil {
		go g.publish(ctx)
	}
	if g.keeper != nil {
		go g.keep(ctx, process.Process)
	}

	select {
	case err := <-ended:
		return fmt.Errorf("Nginx ended by itself: %v", err)
	case <-signals:
		return g.end(process.Process, ended, signals)
	}
}

// publish has an authority asked for certificates once Nginx listens: where nobody does, CertMagic takes the port itself,
// and Nginx could not.
func (g *gateway) publish(ctx context.Context) {
	for {
		connection, err := net.DialTimeout("tcp", challengeAddress, time.Second)
		if err == nil {
			connection.Close()
			break
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(100 * time.Millisecond):
		}
	}
	if err := g.public.manage(ctx, g.settings.Hosts); err != nil {
		g.log.say("error", "no certificate is asked for: "+err.Error())
	}
}

// keep looks after certificates; Nginx takes new ones without closing what is open.
func (g *gateway) keep(ctx context.Context, process *os.Process) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(look):
		}
		changed, err := g.keeper.refresh()
		if err != nil {
			g.log.say("error", err.Error())
		}
		if changed {
			g.log.say("info", "new certificates: Nginx reads its configuration again")
			process.Signal(syscall.SIGHUP)
		}
	}
}

// end says that this instance is about to go, serves on until nobody asks it any more, then lets what is open
// finish. A second signal does not wait.
func (g *gateway) end(process *os.Process, ended <-chan error, signals <-chan os.Signal) error {
	g.log.say("info", "draining")
	if err := os.WriteFile(draining, nil, 0o644); err != nil {
		g.log.say("error", err.Error())
	}
	select {
	case <-time.After(drain):
	case <-signals:
	case err := <-ended:
		return err
	}
	process.Signal(syscall.SIGQUIT)
	select {
	case <-ended:
	case <-time.After(last):
		process.Kill()
	}
	g.log.say("info", "ended")
	return nil
}
