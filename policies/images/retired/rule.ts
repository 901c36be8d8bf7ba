import { define } from "../../engine/rule";
import { parseImage } from "../../engine/images";

/** What nobody mends any more, by a pattern of the repository. */
const RETIRED: readonly (readonly [RegExp, string])[] = [
  [/(?:^|\/)tiller$/, "Tiller, of Helm 2, which lets everybody in the cluster install anything"],
  [
    /(?:^|\/)kubernetes-dashboard(?:-\w+)?$/,
    "the dashboard, which is archived: use a tool with your own rights",
  ],
  [
    /(?:^|\/)ingress-nginx\/controller$|(?:^|\/)nginx-ingress-controller$/,
    "ingress-nginx, retired in March 2026: move to a Gateway API implementation",
  ],
  [
    /(?:^|\/)git-sync$/,
    "git-sync, whose old versions run what a repository says: name its newest version and exempt it",
  ],
  [/^(?:library\/)?bitnami\//, "a Bitnami image, whose free versions ended in 2025"],
];

export const rule = define({
  title: "No image of a program that nobody mends",
  severity: "medium",
  why: "Known holes in it stay open for ever.",
  fix: "move to what took its place",
  references: [
    "CKV_K8S_33",
    "CKV_K8S_34",
    "CKV_K8S_44",
    "CKV_K8S_45",
    "CKV_K8S_159",
    "Kyverno disallow-helm-tiller",
    "NSA C-0292",
  ],
  image(image, { report }) {
    if (image.value === undefined) return;
    const { repository } = parseImage(image.value);
    const found = RETIRED.find(([pattern]) => pattern.test(repository));
    if (found !== undefined) report(image, `must not be ${found[1]}`);
  },
});
