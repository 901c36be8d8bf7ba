// Writes what `helm create` and `helm template` give: the chart that everybody begins with, rendered as it
// is and with its ingress and its autoscaler on.
//
// usage: helm-create FOLDER
package main

import (
	"fmt"
	"log"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
)

func main() {
	log.SetFlags(0)
	if len(os.Args) != 2 {
		log.Fatal("usage: helm-create FOLDER")
	}
	into := os.Args[1]
	scratch, err := os.MkdirTemp("", "helm-create-")
	check(err)
	defer os.RemoveAll(scratch)
	folder, err := chartutil.Create("shop", scratch)
	check(err)
	for name, values := range map[string]map[string]any{
		"plain": {},
		"grown": {"ingress": map[string]any{"enabled": true}, "autoscaling": map[string]any{"enabled": true}},
	} {
		chart, err := loader.Load(folder)
		check(err)
		all, err := chartutil.ToRenderValues(chart, values,
			chartutil.ReleaseOptions{Name: "shop", Namespace: "shop"}, chartutil.DefaultCapabilities)
		check(err)
		rendered, err := engine.Render(chart, all)
		check(err)
		check(os.WriteFile(filepath.Join(into, name+".yaml"), []byte(joined(rendered)), 0o644))
	}
}

func joined(rendered map[string]string) string {
	var paths []string
	for path, text := range rendered {
		if strings.HasSuffix(path, ".yaml") && strings.TrimSpace(text) != "" {
			paths = append(paths, path)
		}
	}
	sort.Strings(paths)
	var out strings.Builder
	for _, path := range paths {
		fmt.Fprintf(&out, "---\n%s\n", strings.TrimSpace(rendered[path]))
	}
	return out.String()
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
