import { z } from "zod";
import { isHostName, isRange, isTooWide } from "../model/names";
import { type Duration, isDuration, isSize, type Size } from "../model/units";

/** Fields that several systems' configurations share. */

export const size = (): z.ZodType<Size> =>
  z.string().refine(isSize, 'is no size: expected for example "20 GiB"');

export const duration = (): z.ZodType<Duration> =>
  z.string().refine(isDuration, 'is no time: expected for example "90 s" or "5 min"');

export const hostName = (): z.ZodType<string> =>
  z.string().refine(isHostName, "is no host name: lower case letters, digits, hyphens, dots");

export const port = (): z.ZodType<number> => z.int().min(1).max(65_535);

/** Addresses of who is trusted, which nobody else has. */
export const ranges = (): z.ZodType<string[]> =>
  z.array(
    z
      .string()
      .refine(isRange, 'is no range of addresses: expected for example "10.20.0.0/24"')
      .refine((range) => !isTooWide(range), "is wider than any proxy's own addresses"),
  );

/** Part of a URL, as probes ask for it and gateways lead by it. */
export const route = (): z.ZodType<string> =>
  z.string().regex(/^\/[\w\-./]*$/, 'is no route: expected for example "/api/users"');

/** An image reference; which one is the team's own business. */
export const image = (): z.ZodType<string> =>
  z
    .string()
    .regex(/^[a-z0-9][\w.\-/:]*(?:@sha256:[0-9a-f]{64})?$/, "is no image reference")
    .refine((text) => /[:@]/.test(text.split("/").at(-1) ?? ""), "has no tag: name the version");
