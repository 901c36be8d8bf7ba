import type { CheckChapter, CheckRule, HealthQuestion } from "../../model/health";
import type { Watched } from "../alerts";
import { answerTime, ends, type GatewayFacts, opened, probed, SLOW_ANSWER } from "./alerts";

type Https = Extract<HealthQuestion, { kind: "https" }>;

/** A host of a gateway as its checks see it. */
export interface HostFacts extends Pick<GatewayFacts, "certificate"> {
  /** Where people dial. */
  readonly at: Pick<Https, "host" | "port" | "verify">;
}

const ask =
  (what: Https["what"], path = "/") =>
  ({ at }: HostFacts): Https => ({ kind: "https", what, ...at, path });

const behind = {
  en: "A 502 or 503 comes from what is behind it: look there. No answer at all: its instances, its log, the host's firewall.",
  es: "Un 502 o 503 viene de lo que hay detrás: mire ahí. Ninguna respuesta: sus instancias, su registro, el cortafuegos.",
};

const behindWebSocket = {
  en: "Does the service's log show the request? If not, the gateway's: 403 comes from its firewall, 429 from its limits.",
  es: "¿Aparece la petición en el registro del servicio? Si no, en el de la puerta de enlace: 403 viene de su cortafuegos, 429 de sus límites.",
};

const certificate = {
  en: "Read the gateway's log for the authority's answer: a limit that was reached, a name that does not lead here, a port 80 that is closed.",
  es: "Lea en el registro de la puerta de enlace la respuesta de la autoridad: un límite alcanzado, un nombre que no lleva aquí, un puerto 80 cerrado.",
};

const certificateLimits = {
  en: "critical below 7 days, warning below 21; of the gateway's own authority 1 and 2 hours",
  es: "crítico con menos de 7 días, aviso con menos de 21; de la autoridad propia, 1 y 2 horas",
  of: ({ certificate: { urgent, late } }: Pick<GatewayFacts, "certificate">) =>
    ({ beyond: "below", warning: late, critical: urgent }) as const,
};

/** Checks of every host of a gateway, from outside, as a client would ask (GG-08). */
export const hostChecks: CheckChapter<HostFacts> = {
  title: {
    en: "Hosts of a gateway, from outside",
    es: "Nombres de una puerta de enlace, desde fuera",
  },
  rules: [
    {
      name: "usable",
      group: "gateway",
      title: { en: "the answer is usable", es: "la respuesta es útil" },
      ask: ask("usable"),
      unit: "yes",
      limits: { beyond: "below", critical: 1 },
      fix: behind,
      alert: "GatewayFailing",
    },
    {
      name: "time",
      group: "gateway",
      title: { en: "time to an answer", es: "tiempo hasta una respuesta" },
      ask: ask("time"),
      unit: "seconds",
      // GG-08's limits of the API, which is what people wait for.
      limits: { beyond: "above", warning: 0.3, critical: 0.5 },
      fix: {
        en: "CPU of the node, and of the gateway? Else the service behind it. Asked from afar, the way there counts too.",
        es: "¿CPU del nodo, y de la puerta de enlace? Si no, el servicio de detrás. Preguntado desde lejos, el camino también cuenta.",
      },
      alert: "GatewaySlow",
    },
    {
      name: "certificate",
      group: "certificate",
      title: {
        en: "time until the certificate ends",
        es: "tiempo hasta que caduca el certificado",
      },
      ask: ask("certificate"),
      unit: "seconds",
      limits: certificateLimits,
      fix: certificate,
      alert: "SSLCertificateExpiring",
    },
  ],
};

/** A WebSocket of a service behind a gateway. */
export const webSocketChecks: CheckChapter<HostFacts & { readonly path: string }> = {
  title: { en: "WebSockets", es: "WebSockets" },
  rules: [
    {
      name: "websocket",
      group: "websocket",
      title: { en: "a WebSocket can be opened", es: "se puede abrir un WebSocket" },
      ask: (of) => ask("upgrade", of.path)(of),
      unit: "yes",
      limits: { beyond: "below", critical: 1 },
      fix: behindWebSocket,
      alert: "WebSocketsDown",
    },
  ],
};

const usable: CheckRule<GatewayFacts & Watched> = {
  name: "answers",
  group: "gateway",
  title: {
    en: "usable answers of all instances and hosts",
    es: "respuestas útiles de todas las instancias y nombres",
  },
  ask: ({ own }) => ({ kind: "query", expr: probed(own) }),
  unit: "count",
  limits: {
    en: "warning below one an instance and host, critical below 1",
    es: "aviso con menos de una por instancia y nombre, crítico con menos de 1",
    of: ({ answers }) => ({ beyond: "below", warning: answers, critical: 1 }),
  },
  fix: behind,
  alert: "GatewayDegraded",
};

/** Checks of a gateway by the probes of whoever observes: all its instances. */
export const gatewayChecks: CheckChapter<GatewayFacts & Watched> = {
  title: { en: "Gateways", es: "Puertas de enlace" },
  rules: [
    usable,
    {
      name: "websockets",
      group: "websocket",
      title: {
        en: "WebSockets that can be opened, each at every instance",
        es: "WebSockets que se pueden abrir, cada uno en todas las instancias",
      },
      when: ({ webSockets }) => webSockets > 0,
      ask: ({ own }) => ({ kind: "query", expr: opened(own) }),
      unit: "count",
      limits: {
        en: "warning below one a WebSocket and instance, critical below 1",
        es: "aviso con menos de uno por WebSocket e instancia, crítico con menos de 1",
        of: ({ webSockets }) => ({ beyond: "below", warning: webSockets, critical: 1 }),
      },
      fix: behindWebSocket,
      alert: "WebSocketsDown",
    },
    {
      name: "duration",
      group: "gateway",
      title: {
        en: "answer time of the slowest instance, handshake included, 5 minutes",
        es: "tiempo de respuesta de la instancia más lenta, con el saludo TLS, 5 minutos",
      },
      ask: ({ own }) => ({ kind: "query", expr: `max(${answerTime(own)})` }),
      unit: "seconds",
      limits: { beyond: "above", warning: SLOW_ANSWER },
      fix: {
        en: "CPU of the node, and of the gateway? Else look at the service behind it.",
        es: "¿CPU del nodo, y de la puerta de enlace? Si no, mire el servicio de detrás.",
      },
      alert: "GatewaySlow",
    },
    {
      name: "certificates",
      group: "certificate",
      title: {
        en: "time until the first certificate of any instance ends",
        es: "tiempo hasta que caduca el primer certificado de cualquier instancia",
      },
      ask: ({ own }) => ({ kind: "query", expr: `min(${ends(own)})` }),
      unit: "seconds",
      limits: certificateLimits,
      fix: certificate,
      alert: "SSLCertificateExpiring",
    },
  ],
};
