/**
 * An application as somebody writes it with cdk8s-plus, with its defaults: usage: foreign.mjs FOLDER. A process
 * of its own, since its packages are installed while the comparison runs.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { App, Chart, Cron, Duration, Size } from "cdk8s";
import * as kplus from "cdk8s-plus-33";

const folder = process.argv[2] ?? ".";

function shop(chart) {
  const settings = new kplus.ConfigMap(chart, "settings", { data: { LOG_LEVEL: "info" } });
  const web = new kplus.Deployment(chart, "web", {
    replicas: 2,
    containers: [
      {
        image: "nginx:1.27",
        portNumber: 80,
        envFrom: [new kplus.EnvFrom(settings)],
        liveness: kplus.Probe.fromHttpGet("/"),
        readiness: kplus.Probe.fromHttpGet("/"),
      },
    ],
  });
  const service = web.exposeViaService({ ports: [{ port: 80 }] });
  new kplus.Ingress(chart, "ingress", {
    rules: [
      {
        host: "shop.example.org",
        path: "/",
        pathType: kplus.HttpIngressPathType.PREFIX,
        backend: kplus.IngressBackend.fromService(service),
      },
    ],
  });
  new kplus.HorizontalPodAutoscaler(chart, "hpa", {
    target: new kplus.Deployment(chart, "api", {
      containers: [{ image: "node", portNumber: 8080, securityContext: { ensureNonRoot: false } }],
    }),
    maxReplicas: 5,
  });
  new kplus.StatefulSet(chart, "db", {
    containers: [
      {
        image: "postgres:17",
        portNumber: 5432,
        envVariables: { POSTGRES_PASSWORD: kplus.EnvValue.fromValue("postgres") },
        resources: { memory: { limit: Size.gibibytes(1) } },
        volumeMounts: [
          { path: "/tmp", volume: kplus.Volume.fromEmptyDir(chart, "scratch", "scratch") },
        ],
      },
    ],
  });
  new kplus.CronJob(chart, "report", {
    schedule: Cron.hourly(),
    timeZone: "UTC",
    startingDeadline: Duration.minutes(5),
    containers: [{ image: "busybox:latest", command: ["true"] }],
  });
  const role = new kplus.Role(chart, "role");
  role.allowReadWrite(kplus.ApiResource.SECRETS);
  role.bind(new kplus.ServiceAccount(chart, "robot"));
}

const app = new App();
const chart = new Chart(app, "shop", { namespace: "shop" });
shop(chart);
writeFileSync(join(folder, "cdk8s-plus.yaml"), app.synthYaml());
