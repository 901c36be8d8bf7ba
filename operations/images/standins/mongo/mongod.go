// Command mongod stands in for MongoDB's server where that cannot be had: FerretDB on SQLite files,
// behind those of mongod's flags that images/mongo uses.
//
// Rights are not enforced: roles are stored and shown, and whoever has logged in may do everything.
// There are no replica sets, transactions or change streams.
//
// It is compiled as a part of FerretDB's own module, whose packages nothing else may import.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"log/slog"
	"math"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/FerretDB/wire"

	"github.com/FerretDB/FerretDB/build/version"
	"github.com/FerretDB/FerretDB/internal/backends"
	"github.com/FerretDB/FerretDB/internal/bson"
	"github.com/FerretDB/FerretDB/internal/clientconn"
	"github.com/FerretDB/FerretDB/internal/clientconn/connmetrics"
	"github.com/FerretDB/FerretDB/internal/handler"
	"github.com/FerretDB/FerretDB/internal/handler/handlererrors"
	"github.com/FerretDB/FerretDB/internal/handler/registry"
	"github.com/FerretDB/FerretDB/internal/types"
	"github.com/FerretDB/FerretDB/internal/util/logging"
	"github.com/FerretDB/FerretDB/internal/util/state"
)

type flags struct {
	folder  string
	address string
	auth    bool
}

func main() {
	log.SetFlags(0)
	log.SetPrefix("mongod: ")
	if len(os.Args) == 2 && os.Args[1] == "--version" {
		fmt.Println("FerretDB version", version.Get().Version)
		return
	}
	given := readFlags()
	fmt.Printf("stand-in: FerretDB %s, rights are not enforced\n", version.Get().Version)
	if err := serve(given); err != nil {
		log.Fatal(err)
	}
}

// readFlags takes the flags as mongod does, and refuses those that nobody here uses.
func readFlags() flags {
	folder := flag.String("dbpath", "/data/db", "folder of the database")
	host := flag.String("bind_ip", "127.0.0.1", "address to listen on")
	everywhere := flag.Bool("bind_ip_all", false, "listen on all addresses")
	port := flag.String("port", "27017", "port to listen on")
	auth := flag.Bool("auth", false, "ask clients for credentials")
	keyFile := flag.String("keyFile", "", "key of the replica set's members; implies auth")
	config := flag.String("config", "", "configuration; has to be there, says nothing to this server")
	flag.String("replSet", "", "name of the replica set; not used")
	flag.String("unixSocketPrefix", "", "folder of the socket; there is none")
	flag.Parse()
	if flag.NArg() > 0 {
		log.Fatalf("unexpected argument %q", flag.Arg(0))
	}
	if *config != "" {
		if _, err := os.ReadFile(*config); err != nil {
			log.Fatal(err)
		}
	}
	if *keyFile != "" {
		// As strict as the server that this one stands in for.
		key, err := os.Stat(*keyFile)
		if err != nil {
			log.Fatal(err)
		}
		if key.Mode().Perm()&0o077 != 0 {
			log.Fatalf("permissions on %s are too open", *keyFile)
		}
	}
	if *everywhere {
		*host = ""
	}
	return flags{*folder, *host + ":" + *port, *auth || *keyFile != ""}
}

func serve(given flags) error {
	ctx, release := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer release()
	// Below a warning there are lines for every connection, which each health check would cause.
	logger := slog.New(logging.NewHandler(os.Stdout, &logging.NewHandlerOpts{
		Base:  "console",
		Level: slog.LevelWarn,
	}))
	// Kept in memory only; nothing is reported to anybody.
	kept, err := state.NewProvider("")
	if err != nil {
		return err
	}
	err = kept.Update(func(s *state.State) {
		s.DisableTelemetry()
		s.TelemetryLocked = true
	})
	if err != nil {
		return err
	}
	metrics := connmetrics.NewListenerMetrics()
	h, closeBackend, err := registry.NewHandler("sqlite", &registry.NewHandlerOpts{
		Logger:        logger,
		ConnMetrics:   metrics.ConnMetrics,
		StateProvider: kept,
		TCPHost:       given.address,
		SQLiteURL:     "file:" + given.folder + "/",
		TestOpts: registry.TestOpts{
			CappedCleanupPercentage: 10,
			EnableNewAuth:           given.auth,
			BatchSize:               100,
		},
	})
	if err != nil {
		return err
	}
	defer closeBackend()
	if !given.auth {
		addUserCommands(h)
	}
	keepRoles(h)
	forgetNamespaces(h)
	countMore(h)
	listener, err := clientconn.Listen(&clientconn.NewListenerOpts{
		TCP:     given.address,
		Mode:    clientconn.NormalMode,
		Metrics: metrics,
		Handler: h,
		Logger:  logger,
	})
	if err != nil {
		return err
	}
	listener.Run(ctx)
	return nil
}

type commandHandler = func(context.Context, *wire.OpMsg) (*wire.OpMsg, error)

// addUserCommands adds the commands that FerretDB has only where it asks for credentials. There is
// nobody to ask yet when the first user is made.
func addUserCommands(h *handler.Handler) {
	for name, handle := range map[string]commandHandler{
		"createUser": h.MsgCreateUser,
		"updateUser": h.MsgUpdateUser,
		"usersInfo":  h.MsgUsersInfo,
	} {
		// Their type has no name outside its package: another command is the model.
		command := *h.Commands()["ping"]
		command.Handler = handle
		h.Commands()[name] = &command
	}
}

// keepRoles makes createUser and updateUser take roles and customData, which FerretDB refuses. They
// are stored beside the rest, and usersInfo returns whatever is stored.
func keepRoles(h *handler.Handler) {
	for _, name := range []string{"createUser", "updateUser"} {
		command := h.Commands()[name]
		handle := command.Handler
		command.Handler = func(ctx context.Context, message *wire.OpMsg) (*wire.OpMsg, error) {
			document, err := bson.ToDocument(message.RawSection0())
			if err != nil {
				return nil, err
			}
			fields := types.MakeDocument(2)
			for _, field := range []string{"roles", "customData"} {
				if document.Has(field) {
					fields.Set(field, document.Remove(field))
				}
			}
			if name == "createUser" {
				document.Set("roles", types.MakeArray(0))
			}
			rest, err := toMessage(document)
			if err != nil {
				return nil, err
			}
			if _, err = handle(ctx, rest); err != nil && !isEmptyUpdate(err, document, fields) {
				return nil, err
			}
			if err = store(ctx, h, document, fields); err != nil {
				return nil, err
			}
			done, err := types.NewDocument("ok", float64(1))
			if err != nil {
				return nil, err
			}
			return toMessage(done)
		}
	}
}

// forgetNamespaces makes createIndexes take the option ns, which mongorestore gives to every index and MongoDB
// ignores.
func forgetNamespaces(h *handler.Handler) {
	command := h.Commands()["createIndexes"]
	handle := command.Handler
	command.Handler = func(ctx context.Context, message *wire.OpMsg) (*wire.OpMsg, error) {
		document, err := bson.ToDocument(message.RawSection0())
		if err != nil {
			return nil, err
		}
		value, _ := document.Get("indexes")
		if indexes, ok := value.(*types.Array); ok {
			for i := range indexes.Len() {
				element, _ := indexes.Get(i)
				if index, ok := element.(*types.Document); ok {
					index.Remove("ns")
				}
			}
		}
		rest, err := toMessage(document)
		if err != nil {
			return nil, err
		}
		return handle(ctx, rest)
	}
}

// countMore makes serverStatus say how many connections there are and may be, and what clients have asked for: a
// connection is a socket among the files of this process, and FerretDB counts commands under another name.
func countMore(h *handler.Handler) {
	command := h.Commands()["serverStatus"]
	handle := command.Handler
	command.Handler = func(ctx context.Context, message *wire.OpMsg) (*wire.OpMsg, error) {
		answer, err := handle(ctx, message)
		if err != nil {
			return nil, err
		}
		document, err := bson.ToDocument(answer.RawSection0())
		if err != nil {
			return nil, err
		}
		connections, err := countConnections()
		if err != nil {
			return nil, err
		}
		document.Set("connections", connections)
		document.Set("opcounters", countOperations(document))
		return toMessage(document)
	}
}

func countConnections() (*types.Document, error) {
	const own = "/proc/self/fd"
	files, err := os.ReadDir(own)
	if err != nil {
		return nil, err
	}
	// One socket listens.
	current := int32(-1)
	for _, file := range files {
		// The folder itself, open while it is read, is gone again.
		if target, err := os.Readlink(own + "/" + file.Name()); err == nil && strings.HasPrefix(target, "socket:") {
			current++
		}
	}
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return nil, err
	}
	free := min(limit.Cur, math.MaxInt32) - uint64(len(files))
	return types.NewDocument("current", current, "available", int32(free))
}

// countOperations reads the commands under metrics.
func countOperations(status *types.Document) *types.Document {
	names := map[string]string{
		"insert": "insert", "find": "query", "update": "update", "delete": "delete", "getMore": "getmore",
	}
	total := map[string]int64{}
	value, _ := status.GetByPath(types.NewStaticPath("metrics", "commands"))
	if commands, ok := value.(*types.Document); ok {
		for _, name := range commands.Keys() {
			of, ok := names[name]
			if !ok {
				of = "command"
			}
			if count, err := commands.GetByPath(types.NewStaticPath(name, "total")); err == nil {
				total[of] += count.(int64)
			}
		}
	}
	counters := types.MakeDocument(6)
	for _, name := range []string{"insert", "query", "update", "delete", "getmore", "command"} {
		counters.Set(name, total[name])
	}
	return counters
}

// isEmptyUpdate says whether FerretDB, which checks everything else before, found nothing to change
// because the only changes are ours to make.
func isEmptyUpdate(err error, document, fields *types.Document) bool {
	var failure *handlererrors.CommandError
	return document.Command() == "updateUser" && fields.Len() > 0 && !document.Has("pwd") &&
		errors.As(err, &failure) && failure.Code() == handlererrors.ErrBadValue
}

// store sets fields of the user that a command is about.
func store(ctx context.Context, h *handler.Handler, document, fields *types.Document) error {
	name, _ := document.Get(document.Command())
	database, _ := document.Get("$db")
	admin, err := h.Backend.Database("admin")
	if err != nil {
		return err
	}
	users, err := admin.Collection("system.users")
	if err != nil {
		return err
	}
	filter, err := types.NewDocument("_id", fmt.Sprintf("%s.%s", database, name))
	if err != nil {
		return err
	}
	result, err := users.Query(ctx, &backends.QueryParams{Filter: filter})
	if err != nil {
		return err
	}
	_, user, err := result.Iter.Next()
	result.Iter.Close()
	if err != nil {
		return err
	}
	for _, field := range fields.Keys() {
		value, _ := fields.Get(field)
		user.Set(field, value)
	}
	_, err = users.UpdateAll(ctx, &backends.UpdateAllParams{Docs: []*types.Document{user}})
	return err
}

func toMessage(document *types.Document) (*wire.OpMsg, error) {
	converted, err := bson.FromDocument(document)
	if err != nil {
		return nil, err
	}
	return wire.NewOpMsg(converted)
}
