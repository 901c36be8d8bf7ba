/** The same services as a Pulumi program; manifests go to a folder, so that no cluster is needed. */
import * as k8s from "@pulumi/kubernetes";
import { Atalaya } from "../../stack/atalaya";
import { onKubernetes } from "../../stack/kubernetes/target";
import { describeServices, SITE } from "./services";

const provider = new k8s.Provider("cluster", {
  renderYamlToDirectory: process.env["BENCH_FOLDER"]!,
});
new Atalaya("many", {
  system: describeServices(Number(process.env["BENCH_COUNT"])),
  platform: onKubernetes({ site: SITE, provider }),
});
