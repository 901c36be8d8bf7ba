// Command pulumi-resource-kubernetes serves the Kubernetes provider from its own module, under the
// version that the npm package @pulumi/kubernetes asks for. The SDK describes itself, so the full
// schema is not needed.
package main

import "github.com/pulumi/pulumi-kubernetes/provider/v4/pkg/provider"

// version is written at link time, from versions.json.
var version = "0.0.0"

func main() {
	schema := []byte(`{"name":"kubernetes","version":"` + version + `"}`)
	provider.Serve("kubernetes", version, schema, []byte("{}"))
}
