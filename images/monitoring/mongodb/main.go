// Command mongodb-exporter shows what a MongoDB server says of itself, by the names of Percona's mongodb_exporter. It
// asks with a user of its own, who may ask for statistics and for no data (MongoDB's role clusterMonitor), and takes
// the password from a file.
//
//	MONGO_HOST, _PORT, _NAME, _USER, _PASSWORD_FILE   the server, and the database that knows the user
//	-listen                                           address of /metrics; / answers while the program lives
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// patience is how long a server is looked for and asked: less than Prometheus waits for an answer (10 s), or nobody
// would say that the server is away.
const patience = 4 * time.Second

func main() {
	log.SetFlags(0)
	log.SetPrefix("mongodb-exporter: ")
	listen := flag.String("listen", ":9216", "address of the metrics")
	flag.Parse()
	if flag.NArg() > 0 {
		log.Printf("unexpected argument %q", flag.Arg(0))
		os.Exit(2)
	}
	client, err := connect()
	if err != nil {
		log.Fatal(err)
	}
	source := &source{client: client}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /metrics", func(to http.ResponseWriter, request *http.Request) {
		to.Header().Set("Content-Type", "text/plain; version=0.0.4")
		io.WriteString(to, metrics(source.ask(request.Context())))
	})
	mux.HandleFunc("GET /{$}", func(to http.ResponseWriter, _ *http.Request) {
		io.WriteString(to, "ok\n")
	})
	server := &http.Server{Addr: *listen, Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	log.Fatal(server.ListenAndServe())
}

// connect makes a client for one server, whatever it says of its replica set. Nothing is asked yet.
func connect() (*mongo.Client, error) {
	values := map[string]string{}
	for _, name := range []string{"HOST", "PORT", "NAME", "USER", "PASSWORD_FILE"} {
		value := os.Getenv("MONGO_" + name)
		if value == "" {
			return nil, fmt.Errorf("MONGO_%s is not set", name)
		}
		values[name] = value
	}
	password, err := os.ReadFile(values["PASSWORD_FILE"])
	if err != nil {
		return nil, fmt.Errorf("MONGO_PASSWORD_FILE: cannot read %s", values["PASSWORD_FILE"])
	}
	return mongo.Connect(options.Client().
		SetHosts([]string{net.JoinHostPort(values["HOST"], values["PORT"])}).SetDirect(true).
		SetAppName("atalaya-metrics").SetMaxPoolSize(2).
		SetAuth(options.Credential{
			AuthMechanism: "SCRAM-SHA-256",
			AuthSource:    values["NAME"],
			Username:      values["USER"],
			Password:      strings.TrimRight(string(password), "\r\n"),
		}))
}

// source is a server that may be away.
type source struct {
	client *mongo.Client
	mutex  sync.Mutex
	// What went wrong with each question last, so that a log has what changes and not every attempt.
	failures map[string]string
}

// ask gives what the server says; what it does not answer is missing.
func (s *source) ask(ctx context.Context) answers {
	ctx, release := context.WithTimeout(ctx, patience)
	defer release()
	err := s.client.Ping(ctx, nil)
	s.note("the server", err)
	if err != nil {
		return answers{}
	}
	found := answers{up: true}
	found.status, err = s.run(ctx, "serverStatus")
	s.note("serverStatus", err)
	found.replicas, err = s.run(ctx, "replSetGetStatus")
	if withoutReplicas(err) {
		err = nil
	}
	s.note("replSetGetStatus", err)
	return found
}

func (s *source) run(ctx context.Context, command string) (bson.Raw, error) {
	return s.client.Database("admin").RunCommand(ctx, bson.D{{Key: command, Value: 1}}).Raw()
}

// note tells of a question that begins or ends to fail.
func (s *source) note(question string, err error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	var now string
	if err != nil {
		now = kind(err)
	}
	if now == s.failures[question] {
		return
	}
	if s.failures == nil {
		s.failures = map[string]string{}
	}
	s.failures[question] = now
	if err == nil {
		log.Printf("%s answers again", question)
	} else {
		log.Printf("%s: %v", question, err)
	}
}

// kind tells failures apart. Their texts do not: they have addresses and counts in them.
func kind(err error) string {
	var failure mongo.CommandError
	// A connection that broke is one without a code.
	if errors.As(err, &failure) && failure.Code != 0 {
		return fmt.Sprint(failure.Code)
	}
	return "no answer"
}

// withoutReplicas says whether a server is in no replica set, or knows nothing of any.
func withoutReplicas(err error) bool {
	var failure mongo.ServerError
	return errors.As(err, &failure) && (failure.HasErrorCode(76) || failure.HasErrorCode(59))
}
