// Command container-exporter shows what each container of this machine takes and may take, by the names of
// cAdvisor's metrics. It reads control groups and files that say which container is whose; it asks no engine, and
// needs neither its socket nor root.
//
//	-cgroups  the machine's /sys/fs/cgroup
//	-names    Docker's folder of containers, or Kubernetes' /var/log/containers
//	-listen   address of /metrics and /-/healthy
package main

import (
	"flag"
	"io"
	"log"
	"net/http"
	"os"
	"time"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("container-exporter: ")
	machine := machine{}
	flag.StringVar(&machine.cgroups, "cgroups", "/sys/fs/cgroup", "the machine's control groups")
	flag.StringVar(&machine.names, "names", "/var/lib/docker/containers", "who is who")
	listen := flag.String("listen", ":9101", "address of the metrics")
	flag.Parse()
	if flag.NArg() > 0 {
		log.Printf("unexpected argument %q", flag.Arg(0))
		os.Exit(2)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /metrics", func(to http.ResponseWriter, _ *http.Request) {
		found, err := machine.containers()
		if err != nil {
			log.Print(err)
			http.Error(to, err.Error(), http.StatusInternalServerError)
			return
		}
		to.Header().Set("Content-Type", "text/plain; version=0.0.4")
		io.WriteString(to, metrics(found))
	})
	mux.HandleFunc("GET /-/healthy", func(to http.ResponseWriter, _ *http.Request) {
		io.WriteString(to, "ok\n")
	})
	server := &http.Server{Addr: *listen, Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	log.Fatal(server.ListenAndServe())
}
