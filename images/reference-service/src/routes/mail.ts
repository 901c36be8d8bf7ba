import type { FastifyInstance } from "fastify";
import type { SmtpConfig } from "../config";
import { HttpError } from "../errors";
import { mailFailure, sendMail, type ContactMessage } from "../mail";

/** These end in a mail's header, where a line break would begin another header. */
const ONE_LINE = "^[^\\u0000-\\u001f\\u007f-\\u009f\\u2028\\u2029]*$";

const contactSchema = {
  type: "object",
  required: ["name", "email", "message"],
  additionalProperties: false,
  properties: {
    name: { type: "string", minLength: 1, maxLength: 200, pattern: ONE_LINE },
    email: { type: "string", format: "email", maxLength: 254, pattern: ONE_LINE },
    message: { type: "string", minLength: 1, maxLength: 10_000, pattern: "^[^\\u0000]*$" },
  },
} as const;

/** A contact form, at the scope's prefix. */
export function mailRoutes(app: FastifyInstance, smtp: SmtpConfig): void {
  const tags = ["mail"];

  // For probes of the route: the mail server is not asked.
  app.get("/", { schema: { summary: "The fields of a message", tags } }, async () => ({
    accepts: contactSchema.required,
  }));

  app.post<{ Body: ContactMessage }>(
    "/",
    { schema: { summary: "Send a message by mail", tags, body: contactSchema } },
    async (request, reply) => {
      try {
        await sendMail(smtp, request.body);
      } catch (error) {
        request.log.warn(mailFailure(error), "the mail server failed");
        throw new HttpError(502, "the mail server failed");
      }
      return reply.code(202).send({ status: "accepted" });
    },
  );
}
