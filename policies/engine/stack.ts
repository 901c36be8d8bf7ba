import { Field, UnknownValue } from "./field";
import type { Subject } from "./subject";
import type { Container, Pod } from "./view";
import { podsOf, podsOrUnknown } from "./pods";

/** All objects that are judged together, with what they are to each other. */
export class Stack {
  private readonly byType = new Map<string, Subject[]>();
  private readonly fields = new Map<Subject, Field>();

  constructor(readonly subjects: readonly Subject[]) {
    for (const subject of subjects) {
      const key = `${subject.world}/${subject.kind}`;
      const known = this.byType.get(key);
      if (known === undefined) this.byType.set(key, [subject]);
      else known.push(subject);
    }
  }

  private readonly allPods = lazy(() =>
    this.subjects.flatMap((subject) => {
      const pods = podsOrUnknown(subject);
      if (pods instanceof UnknownValue) throw pods;
      return pods;
    }),
  );

  /** @throws UnknownValue where some are not known yet: nobody can say then what selects none */
  get pods(): readonly Pod[] {
    return this.allPods();
  }

  /** Objects of some kinds, of one world. */
  of(world: Subject["world"], ...kinds: string[]): Subject[] {
    return kinds.flatMap((kind) => this.byType.get(`${world}/${kind}`) ?? []);
  }

  kubernetes(...kinds: string[]): Subject[] {
    return this.of("kubernetes", ...kinds);
  }

  field(subject: Subject): Field {
    let field = this.fields.get(subject);
    if (field === undefined) this.fields.set(subject, (field = new Field(subject.props)));
    return field;
  }

  podsOf(subject: Subject): readonly Pod[] {
    return podsOf(subject);
  }

  private readonly podsByNamespace = lazy(() => {
    const found = new Map<string, Pod[]>();
    for (const pod of this.pods) {
      if (pod.subject.world !== "kubernetes") continue;
      const namespace = namespaceOf(pod.subject);
      const known = found.get(namespace);
      if (known === undefined) found.set(namespace, [pod]);
      else known.push(pod);
    }
    return found;
  });

  /** Pods of a namespace of Kubernetes. */
  podsIn(namespace: string): readonly Pod[] {
    return this.podsByNamespace().get(namespace) ?? [];
  }

  /** Namespaces in which something runs, with the first thing that does. */
  get namespaces(): ReadonlyMap<string, Pod> {
    return new Map([...this.podsByNamespace()].map(([name, pods]) => [name, pods[0]!]));
  }

  /** Pods of an object's namespace that a selector means. */
  selected(by: Subject, selector: Field): Pod[] {
    return this.podsIn(namespaceOf(by)).filter((pod) => matches(selector, pod.labels));
  }
}

export const namespaceOf = (subject: Subject): string => subject.namespace ?? "default";

/** A label selector, or a Service's plain map of labels. */
export function matches(selector: Field, labels: Readonly<Record<string, string>>): boolean {
  const plain = !selector.get("matchLabels").present && !selector.get("matchExpressions").present;
  const wanted = plain ? selector.map : selector.get("matchLabels").map;
  if (Object.entries(wanted).some(([key, value]) => labels[key] !== value)) return false;
  return selector
    .get("matchExpressions")
    .items()
    .every((expression) => {
      const key = expression.get("key").text ?? "";
      const values = expression.get("values").texts;
      const has = Object.hasOwn(labels, key);
      switch (expression.get("operator").text) {
        case "In":
          return has && values.includes(labels[key]!);
        case "NotIn":
          return !has || !values.includes(labels[key]!);
        case "Exists":
          return has;
        case "DoesNotExist":
          return !has;
        default:
          return false;
      }
    });
}

/** Names of databases' images, without registry and tag, and the port that each listens on. */
export const DATABASES: Readonly<Record<string, number>> = {
  postgres: 5432,
  postgresql: 5432,
  postgis: 5432,
  timescaledb: 5432,
  mysql: 3306,
  mariadb: 3306,
  mongo: 27017,
  mongodb: 27017,
  redis: 6379,
  valkey: 6379,
  memcached: 11211,
  elasticsearch: 9200,
  opensearch: 9200,
  cassandra: 9042,
  clickhouse: 8123,
  mssql: 1433,
  couchdb: 5984,
  neo4j: 7687,
  etcd: 2379,
};

/** Ports that only a database's own clients have any business with. */
export const DATABASE_PORTS: ReadonlySet<number> = new Set([
  ...Object.values(DATABASES),
  1521,
  27018,
  27019,
  9300,
  50_000,
]);

/** An image's name without registry, tag and digest. @example imageName("ghcr.io/x/postgres:15") // "postgres" */
export const imageName = (image: string): string =>
  image.split("@")[0]!.split("/").at(-1)!.split(":")[0]!;

/** The port of the database that a container is; undefined when it is none. */
export function databasePort(container: Container): number | undefined {
  if (container.role !== "main") return undefined;
  const name = imageName(container.image.value ?? "").replace(/^bitnami-/, "");
  return Object.hasOwn(DATABASES, name) ? DATABASES[name] : undefined;
}

/** Whether a long-running pod is a database's server. */
export const isDatabase = (pod: Pod): boolean =>
  pod.runs === "service" && pod.containers.some((c) => databasePort(c) !== undefined);

const lazy = <T>(make: () => T): (() => T) => {
  let made: { value: T } | undefined;
  return () => (made ??= { value: make() }).value;
};
