/** One request for the firewall to judge. */
export interface WafRequest {
  /** What it is; unique in its list, shown in the docs. */
  readonly name: string;
  /** @default "GET" */
  readonly method?: string;
  /** As it goes out, byte for byte. @default "/api/v1/items" */
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON. */
  readonly json?: unknown;
  /** Sent as a form. */
  readonly form?: Readonly<Record<string, string>>;
  /** Sent as it is. */
  readonly body?: string | Buffer;
  /** The whole request, where no client would send such a one; `{host}` and `{id}` are filled in. */
  readonly raw?: string;
}

export interface Attack extends WafRequest {
  readonly class: string;
}

export const query = (text: string): string =>
  `/api/v1/items?limit=1&q=${encodeURIComponent(text)}`;

/** A multipart body with one file. */
export function upload(
  name: string,
  content: string | Buffer,
  type = "application/octet-stream",
): Pick<WafRequest, "method" | "headers" | "body"> {
  const boundary = "----atalaya7f3a";
  return {
    method: "POST",
    headers: { "content-type": `multipart/form-data; boundary=${boundary}` },
    body: Buffer.concat([
      Buffer.from(
        `--${boundary}\r\nContent-Disposition: form-data; name="file"; filename="${name}"\r\nContent-Type: ${type}\r\n\r\n`,
      ),
      Buffer.from(content),
      Buffer.from(`\r\n--${boundary}--\r\n`),
    ]),
  };
}
