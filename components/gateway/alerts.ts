import { type AlertChapter, answered, PERCENT } from "../alerts";

/** What a gateway's alerts go by. */
export interface GatewayFacts {
  /** How many are usable when all is well: one an instance and host. */
  readonly answers: number;
  /** How many WebSockets can be opened when all is well: each at every instance. */
  readonly webSockets: number;
  /** Components that are behind those answers, and behind those WebSockets: nobody where it is the gateway's own answer. */
  readonly behind: { readonly answers: readonly string[]; readonly webSockets: readonly string[] };
  /** Whether the platform's front before it takes its connections. */
  readonly front: boolean;
  /** Seconds before a certificate's end at which somebody has to act, and at which its renewal is late. */
  readonly certificate: { readonly urgent: number; readonly late: number };
  /** Clients that one instance has room for, where it counts them (Nginx). */
  readonly connections?: number;
}

const DAY = 86_400;

/**
 * Limits for certificates. Of a public authority: 7 days (GG-07), and 21 days, where 30 are left when a
 * gateway renews. Of the gateway's own authority Caddy's last 12 hours and are renewed when 4 are left, Nginx's
 * seven days and half of them: an hour, and two.
 */
export const certificateLimits = (ownAuthority: boolean): GatewayFacts["certificate"] =>
  ownAuthority ? { urgent: 3_600, late: 2 * 3_600 } : { urgent: 7 * DAY, late: 21 * DAY };

/** Seconds that an answer over a connection of its own may take on average. */
export const SLOW_ANSWER = 1;

/** By instance and host: seconds to a whole answer over a connection of its own, on average. */
export const answerTime = (own: string): string =>
  `avg_over_time(probe_duration_seconds{${own},probe="https"}[5m])`;

/** Part of the room for clients that is taken from which on somebody is told. */
export const FULL = 0.8;

/** Part of the room for clients that is taken, at the fullest instance. */
export const connectionsUsed = ({
  own,
  connections,
}: Pick<GatewayFacts, "connections"> & { readonly own: string }): string =>
  `max(nginx_connections_active{${own}}) / ${connections}`;

/** Connections in five minutes that were accepted, and closed for want of room. */
export const dropped = (own: string): string =>
  `sum(increase(nginx_connections_accepted{${own}}[5m]) - increase(nginx_connections_handled{${own}}[5m]))`;

/** By host: seconds until the first certificate that an instance has for it ends; less than none when it has. */
export const ends = (own: string): string =>
  `min by (host) (probe_ssl_earliest_cert_expiry{${own}}) - time()`;

/** How often an instance lets somebody in, whatever it answers then: a handshake that was made has taken some time. */
const shakesHands = (own: string): string =>
  answered(own, "https", (asked) => `probe_http_duration_seconds{${asked},phase="tls"} > 0`);

/** Whether a handshake with the gateway succeeds through its front, by 1 or 0. */
const letsIn = (own: string): string => answered(own, "tls");

/** How many WebSockets can be opened, each at every instance. */
export const opened = (own: string): string => answered(own, "websocket");

/** How many instances and hosts give a usable answer. */
export const probed = (own: string): string => answered(own, "https");

/** Until a certificate's end, or since. */
const LEFT =
  "{{ if lt $value 0.0 }}has ended{{ else }}ends in {{ $value | humanizeDuration }}{{ end }}";

const certificateSteps = {
  en: [
    "Read the gateway's log for the authority's answer: a limit that was reached, a name that does not lead here, a port 80 that is closed.",
    "See what is served: `openssl s_client -connect HOST:443 -servername HOST </dev/null | openssl x509 -noout -dates`.",
  ],
  es: [
    "Lea en el registro de la puerta de enlace la respuesta de la autoridad: un límite alcanzado, un nombre que no lleva aquí, un puerto 80 cerrado.",
    "Vea qué se sirve: `openssl s_client -connect HOST:443 -servername HOST </dev/null | openssl x509 -noout -dates`.",
  ],
};

/** One of these says all that others would. */
const OUT = ["GatewayDown", "GatewayFailing"] as const;

/** Alerts of every gateway, asked over HTTPS as a client would (GG-07). */
export const gatewayAlerts: AlertChapter<GatewayFacts> = {
  title: { en: "Gateways", es: "Puertas de enlace" },
  rules: [
    {
      name: "GatewayDown",
      severity: "critical",
      // New instances may be asked up to 15 s after the last old one has gone.
      for: "30 s",
      // No symptom: whatever is away behind it, it lets people in and says so.
      expr: ({ own }) => `${shakesHands(own)} == 0`,
      summary: ({ name }) => `${name}: no instance lets anybody in over HTTPS`,
      outage: true,
      guide: {
        en: {
          means:
            "With no instance of the gateway a TLS handshake succeeds: users get no answer at all, from no service behind it.",
          steps: [
            "List its instances and read the log: why did they end?",
            "They run? Ask yourself: `curl -v https://HOST/`. A public certificate that nobody vouches for keeps people out as well: see SSLCertificateExpiring.",
            "Started after a release? Roll it back.",
          ],
        },
        es: {
          means:
            "Con ninguna instancia de la puerta de enlace se completa un saludo TLS: los usuarios no reciben respuesta alguna, de ningún servicio de detrás.",
          steps: [
            "Liste sus instancias y lea el registro: ¿por qué terminaron?",
            "¿Están en marcha? Pregunte usted: `curl -v https://HOST/`. Un certificado público que nadie avala también deja fuera a la gente: vea SSLCertificateExpiring.",
            "¿Empezó tras una versión nueva? Vuelva a la anterior.",
          ],
        },
      },
    },
    {
      name: "GatewayFailing",
      severity: "critical",
      // What is behind it may be what is down, and is asked up to 15 s later.
      for: "30 s",
      expr: ({ own }) => `${probed(own)} == 0`,
      summary: ({ name }) => `${name}: no answer over HTTPS is usable`,
      within: ["GatewayDown"],
      outage: true,
      symptom: true,
      behind: ({ behind }) => behind.answers,
      guide: {
        en: {
          means:
            "The gateway lets people in, and none of its answers is usable: users get an error page, or wait in vain.",
          steps: [
            "Ask yourself: `curl -v https://HOST/`. A 502 or 503 comes from what is behind it: look there. A certificate that curl refuses has ended, or is not for that name: see SSLCertificateExpiring.",
            "List its instances and read the log.",
            "Started after a release? Roll it back.",
          ],
        },
        es: {
          means:
            "La puerta de enlace deja entrar, y ninguna de sus respuestas es útil: los usuarios reciben una página de error, o esperan en vano.",
          steps: [
            "Pregunte usted: `curl -v https://HOST/`. Un 502 o 503 viene de lo que hay detrás: mire ahí. Un certificado que curl rechaza ha caducado, o no es de ese nombre: vea SSLCertificateExpiring.",
            "Liste sus instancias y lea el registro.",
            "¿Empezó tras una versión nueva? Vuelva a la anterior.",
          ],
        },
      },
    },
    {
      name: "GatewayFrontDown",
      severity: "critical",
      // The gateway may be what is down, and is asked up to 15 s later.
      for: "45 s",
      when: ({ front }) => front,
      expr: ({ own }) => `${letsIn(own)} == 0`,
      summary: ({ name }) => `${name}: nobody gets in, its front takes no connection`,
      // Behind a front without a gateway no handshake succeeds either.
      within: ["GatewayDown"],
      outage: true,
      guide: {
        en: {
          means:
            "On Swarm a thin front (haproxy) holds the ports 80 and 443 and passes connections to the gateway. Through it no handshake succeeds, while the gateway itself answers: nobody gets in from outside.",
          steps: [
            "`docker service ps --no-trunc STACK-SYSTEM-GATEWAY-front`: why did the last one end? “host-mode port already in use”: another program of that node took 80 or 443, `ss -ltnp` has its name.",
            "Pending? It runs on the node that keeps the data alone (`dataNode`): is that one up and active in `docker node ls`?",
            "It runs? Its log has the reason, such as `Server … is DOWN`: it finds no instance of the gateway in the network between both. `docker service update --force` starts it anew; connections that are open get 15 s.",
          ],
        },
        es: {
          means:
            "En Swarm un frente ligero (haproxy) ocupa los puertos 80 y 443 y pasa las conexiones a la puerta de enlace. A través de él no se completa ningún saludo TLS, aunque la puerta misma responde: nadie entra desde fuera.",
          steps: [
            "`docker service ps --no-trunc PILA-SISTEMA-PUERTA-front`: ¿por qué terminó el último? «host-mode port already in use»: otro programa de ese nodo tomó el 80 o el 443; `ss -ltnp` da su nombre.",
            "¿Pendiente? Corre solo en el nodo que guarda los datos (`dataNode`): ¿está en marcha y activo en `docker node ls`?",
            "¿Está en marcha? Su registro tiene el motivo, como `Server … is DOWN`: no encuentra ninguna instancia de la puerta en la red entre ambos. `docker service update --force` lo arranca de nuevo; las conexiones abiertas tienen 15 s.",
          ],
        },
      },
    },
    {
      name: "GatewayDegraded",
      severity: "warning",
      for: "2 min",
      expr: ({ own, answers }) => `${probed(own)} < ${answers}`,
      summary: ({ name, answers }) => `${name}: {{ $value }} of ${answers} answers are usable`,
      within: OUT,
      symptom: true,
      behind: ({ behind }) => behind.answers,
      guide: {
        en: {
          means: "Some instances of the gateway, or some of its hosts, give no usable answer.",
          steps: [
            "Which ones? `probe_success == 0` in Prometheus has the instance and the host.",
            "All instances, for one host? Its certificate may have ended, or not be trusted: see SSLCertificateExpiring.",
            "List the instances and read the log of that one.",
          ],
        },
        es: {
          means:
            "Algunas instancias de la puerta de enlace, o algunos de sus nombres, no dan respuesta útil.",
          steps: [
            "¿Cuáles? `probe_success == 0` en Prometheus tiene la instancia y el nombre.",
            "¿Todas las instancias, con un solo nombre? Su certificado puede haber caducado, o no ser de confianza: vea SSLCertificateExpiring.",
            "Liste las instancias y lea el registro de esa.",
          ],
        },
      },
    },
    {
      name: "WebSocketsDown",
      severity: "warning",
      for: "2 min",
      when: ({ webSockets }) => webSockets > 0,
      expr: ({ own, webSockets }) => `${opened(own)} < ${webSockets}`,
      summary: ({ name, webSockets }) =>
        `${name}: {{ $value }} of ${webSockets} WebSockets can be opened, each at every instance`,
      within: OUT,
      symptom: true,
      behind: ({ behind }) => behind.webSockets,
      guide: {
        en: {
          means:
            "Whoever asks as a client cannot open a WebSocket (neither 101 nor 401 is the answer), or not at every instance of the gateway. Pages may well be served all the same.",
          steps: [
            'Which ones? `probe_success{probe="websocket"} == 0` in Prometheus has the instance, the host and the path.',
            "`npx atalaya health` has the answer's status: 403 comes from the gateway's firewall, 404 from a route that the service does not have (`webSocket`), 429 from the gateway's limits, 502 and 503 from a service that is away.",
            "Started after a release? Roll it back.",
          ],
        },
        es: {
          means:
            "Quien pregunta como un cliente no logra abrir un WebSocket (la respuesta no es 101 ni 401), o no en todas las instancias de la puerta de enlace. Las páginas pueden servirse igualmente.",
          steps: [
            '¿Cuáles? `probe_success{probe="websocket"} == 0` en Prometheus tiene la instancia, el nombre y la ruta.',
            "`npx atalaya health` tiene el código de la respuesta: 403 viene del cortafuegos de la puerta, 404 de una ruta que el servicio no tiene (`webSocket`), 429 de los límites de la puerta, 502 y 503 de un servicio que no está.",
            "¿Empezó tras una versión nueva? Vuelva a la anterior.",
          ],
        },
      },
    },
    {
      name: "GatewaySlow",
      severity: "warning",
      for: "5 min",
      expr: ({ own }) => `max(${answerTime(own)}) > ${SLOW_ANSWER}`,
      summary: ({ name }) =>
        `${name}: an answer takes {{ $value | humanizeDuration }} on average, handshake included`,
      within: OUT,
      symptom: true,
      behind: ({ behind }) => behind.answers,
      looksBack: "5 min",
      guide: {
        en: {
          means: "A request over a connection of its own takes more than a second.",
          steps: ["CPU of the node, and of the gateway? Else look at the service behind it."],
        },
        es: {
          means: "Una petición con conexión propia tarda más de un segundo.",
          steps: ["¿CPU del nodo, y de la puerta de enlace? Si no, mire el servicio de detrás."],
        },
      },
    },
    {
      name: "GatewayConnectionsHigh",
      severity: "warning",
      for: "2 min",
      when: ({ connections }) => connections !== undefined,
      expr: (of) => `${connectionsUsed(of)} > ${FULL}`,
      summary: ({ name }) =>
        `${name}: ${PERCENT} of the room for clients is taken, the limit is 80 %`,
      within: OUT,
      guide: {
        en: {
          means:
            "An instance of Nginx has nearly as many clients as it has connections for. When none is left, further clients are cut off.",
          steps: [
            "Many wait for nothing (`nginx_connections_waiting`)? Lower `timeouts.idle`.",
            "All from a few addresses? The access log has them; `clientConnections` limits what one client has open.",
            "A slow service behind it? Requests pile up: see SlowAPIResponse. Else raise `instances`.",
          ],
        },
        es: {
          means:
            "Una instancia de Nginx tiene casi tantos clientes como conexiones. Cuando no quede ninguna, se corta a los siguientes.",
          steps: [
            "¿Muchas no esperan nada (`nginx_connections_waiting`)? Baje `timeouts.idle`.",
            "¿Todas de pocas direcciones? El registro de accesos las tiene; `clientConnections` limita lo que un cliente tiene abierto.",
            "¿Un servicio lento detrás? Las peticiones se acumulan: vea SlowAPIResponse. Si no, suba `instances`.",
          ],
        },
      },
    },
    {
      name: "GatewayConnectionsDropped",
      severity: "critical",
      for: "0 s",
      when: ({ connections }) => connections !== undefined,
      expr: ({ own }) => `${dropped(own)} > 0.5`,
      summary: ({ name }) =>
        `${name}: {{ $value | printf "%.0f" }} connections were dropped in five minutes, there was no room`,
      within: OUT,
      guide: {
        en: {
          means:
            "Nginx had no connection left and cut clients off. Its log says “worker_connections are not enough”.",
          steps: [
            "As for GatewayConnectionsHigh: who has them, and what do they wait for?",
            "Raise `instances`: each has room for as many again.",
          ],
        },
        es: {
          means:
            "A Nginx no le quedaban conexiones y cortó a clientes. Su registro dice «worker_connections are not enough».",
          steps: [
            "Como en GatewayConnectionsHigh: ¿quién las tiene y a qué esperan?",
            "Suba `instances`: cada una tiene sitio para otras tantas.",
          ],
        },
      },
    },
    {
      name: "SSLCertificateExpiring",
      severity: "critical",
      for: "1 min",
      gg07: "given",
      expr: ({ own, certificate }) => `${ends(own)} < ${certificate.urgent}`,
      summary: ({ name }) => `${name}: the certificate of {{ $labels.host }} ${LEFT}`,
      guide: {
        en: {
          means:
            "A certificate ends within 7 days (one of the gateway's own authority: within an hour), or has ended, and was not renewed. From its end on browsers refuse the site.",
          steps: certificateSteps.en,
        },
        es: {
          means:
            "Un certificado caduca en menos de 7 días (uno de la autoridad propia: en menos de una hora), o ya caducó, y no se renovó. Desde entonces los navegadores rechazan el sitio.",
          steps: certificateSteps.es,
        },
      },
    },
    {
      name: "CertificateNotRenewed",
      severity: "warning",
      for: "10 min",
      gg07: "ours",
      expr: ({ own, certificate }) => `${ends(own)} < ${certificate.late}`,
      summary: ({ name }) =>
        `${name}: the certificate of {{ $labels.host }} ${LEFT}, and was not renewed`,
      within: ["SSLCertificateExpiring"],
      guide: {
        en: {
          means:
            "A certificate should have been renewed by now: something is in the way, and there is still time.",
          steps: certificateSteps.en,
        },
        es: {
          means: "Un certificado ya debería estar renovado: algo lo impide, y aún hay tiempo.",
          steps: certificateSteps.es,
        },
      },
    },
  ],
};
