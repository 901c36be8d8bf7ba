package plugins

// What `components/observability/targets.ts` finds targets by.
import _ "github.com/prometheus/prometheus/discovery/dns"
