import { isHostName, isPort } from "../model/names";
import { checkResilience, type Resilience, resilienceEnvironment } from "./resilience";
import {
  type Component,
  type Description,
  envName,
  type LinkGrant,
  type LinkRequest,
  type Placement,
  Provider,
} from "./system";

export interface ExternalArgs {
  /** Host name outside the system. @example "smtp.gmail.com" */
  readonly host: string;
  /** TCP port. @example 587 */
  readonly port: number;
}

/** A host outside. Egress is a link too: without one, a workload reaches nothing outside. */
export class External extends Provider {
  constructor(
    name: string,
    readonly args: ExternalArgs,
    placement: Placement,
  ) {
    super("External", name, placement);
  }

  /**
   * @param options.env prefix of `…_HOST` and `…_PORT` @default the name
   * @example stripe.as("orders", { timeout: "2 s", breaker: { failures: 5, reset: "10 s" } })
   */
  as(consumer: string, { env, ...resilience }: { env?: string } & Resilience = {}): LinkRequest {
    return {
      provider: this,
      as: consumer,
      env: env ?? envName(this.name),
      label: `${this.args.host}:${this.args.port}`,
      resilience,
    };
  }

  override grant({ env, resilience }: LinkRequest): LinkGrant {
    return {
      environment: {
        [`${env}_HOST`]: this.args.host,
        [`${env}_PORT`]: String(this.args.port),
        ...resilienceEnvironment(env, resilience ?? {}),
      },
      secrets: [],
      ports: [this.args.port],
      startAfter: [],
    };
  }

  override describe(to: Description): void {
    to.component(this);
    checkResilience(to, this);
    if (!isHostName(this.args.host)) {
      to.problem(this, "host", `${JSON.stringify(this.args.host)} is no host name`);
    } else if (!this.args.host.includes(".")) {
      // Elsewhere than on its own network such a name leads to a service beside the consumer, or nowhere.
      const message = `"${this.args.host}" has no domain: a name without a dot is one of the system's own`;
      to.problem(this, "host", message, 'the whole name, for example "mail.example.org"');
    }
    if (!isPort(this.args.port)) to.problem(this, "port", `${this.args.port} is no port`);
    to.externals.push({ name: this.name, host: this.args.host, port: this.args.port });
  }
}

/** Leads a component itself out to a host. @param name of the way, unique in the system */
export function sendsTo(component: Component, name: string, host: ExternalArgs): void {
  const { system } = component;
  const external = new External(name, host, { system });
  system.addLinks(component.name, component.name, [external.as(component.name)]);
}
