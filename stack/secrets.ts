import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";
import type { Secret } from "../model/system";
import { fillText, secretsOf, type Text } from "../model/text";

/** The values of a system's secrets: known to Pulumi alone, always marked as secret. */
export class SecretValues {
  private readonly values = new Map<string, pulumi.Output<string>>();
  private readonly lasting = new Set<string>();
  /** Keys the digests that names end in. Losing it only gives everything new names. */
  readonly namingKey: pulumi.Output<string>;

  /**
   * @param sensitive configured values by path
   * @param parent the resource of a component
   * @param platform values that the platform itself needs
   */
  constructor(
    system: string,
    secrets: readonly Secret[],
    sensitive: ReadonlyMap<string, string>,
    parent: (component: string) => pulumi.Resource,
    owner: pulumi.Resource,
    private readonly platform: ReadonlyMap<string, pulumi.Output<string>> = new Map(),
  ) {
    this.namingKey = new random.RandomPassword(
      `${system}-names`,
      { length: 32, special: false },
      { parent: owner },
    ).result;
    for (const { name, component, source } of secrets) {
      switch (source.kind) {
        case "generated":
          if (source.replaceable !== true) this.lasting.add(name);
          this.values.set(
            name,
            new random.RandomPassword(
              `${system}-${name}`,
              { length: source.length, special: false },
              { parent: parent(component), protect: source.protect },
            ).result,
          );
          break;
        case "configured": {
          const value = sensitive.get(source.key);
          if (value === undefined) throw new Error(`no value is configured at ${source.key}`);
          this.values.set(name, pulumi.secret(value));
          break;
        }
        case "derived":
          break;
      }
    }
  }

  /** A text with its holes filled: secret as soon as it has one. */
  fill(text: Text): pulumi.Output<string> {
    const names = secretsOf(text);
    const needed = names.map((name) => {
      const value = this.values.get(name) ?? this.platform.get(name);
      if (value === undefined) throw new Error(`there is no secret "${name}"`);
      return value;
    });
    return pulumi
      .all(needed)
      .apply((values) => fillText(text, new Map(names.map((name, i) => [name, values[i]!]))));
  }

  /** Whether the secret, once it has another value, never has an earlier one again. */
  lasts(name: string): boolean {
    return this.lasting.has(name);
  }

  /** Everything that a person may have to look up, or a tool to seal, by name. */
  all(): pulumi.Output<Record<string, string>> {
    return pulumi.secret(pulumi.all(Object.fromEntries([...this.values, ...this.platform])));
  }
}
