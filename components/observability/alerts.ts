import { type AlertChapter, answering, type Nothing } from "../alerts";

/** Alerts of those who watch, and the proof that they do. */
export const monitoringAlerts: AlertChapter<Nothing> = {
  title: { en: "Monitoring itself", es: "La propia vigilancia" },
  rules: [
    {
      name: "Watchdog",
      severity: "none",
      for: "0 s",
      expr: () => "vector(1)",
      summary: () => "alerts get through",
      guide: {
        en: {
          means:
            "It always fires. It goes to the address that is configured as `heartbeat` and its secret `heartbeatUrl`, which tells somebody when it stays away: a dead man's switch.",
          steps: [
            "You are told that it stays away: Prometheus, Alertmanager or their way out is down, and nobody would hear of anything. List their instances first.",
          ],
        },
        es: {
          means:
            "Siempre está activa. Va a la dirección configurada como `heartbeat` y su secreto `heartbeatUrl`, que avisa cuando deja de llegar: un interruptor de hombre muerto.",
          steps: [
            "Si le avisan de que no llega: Prometheus, Alertmanager o su salida están caídos, y nadie se enteraría de nada. Liste primero sus instancias.",
          ],
        },
      },
    },
    {
      name: "NotificationsFailing",
      severity: "critical",
      for: "1 min",
      expr: () =>
        "sum by (integration) (increase(alertmanager_notifications_failed_total[5m])) > 0.5",
      summary: () =>
        '{{ $value | printf "%.0f" }} messages by {{ $labels.integration }} could not be handed over in five minutes',
      guide: {
        en: {
          means: "Alertmanager cannot hand over its messages: whoever should be told is not.",
          steps: [
            "Its log has the mail host's or Slack's answer: a wrong password, a host that is not reached.",
            "See what fires meanwhile, in its container: `amtool alert query --alertmanager.url=http://localhost:9093`.",
          ],
        },
        es: {
          means: "Alertmanager no logra entregar sus mensajes: no se avisa a quien se debe.",
          steps: [
            "Su registro tiene la respuesta del correo o de Slack: una contraseña errónea, un servidor que no se alcanza.",
            "Vea entretanto lo que salta, en su contenedor: `amtool alert query --alertmanager.url=http://localhost:9093`.",
          ],
        },
      },
    },
    {
      name: "RulesFailing",
      severity: "critical",
      for: "1 min",
      expr: () =>
        "sum by (rule_group) (increase(prometheus_rule_evaluation_failures_total[5m])) > 0.5",
      summary: () =>
        'rules of {{ $labels.rule_group }} could not be evaluated {{ $value | printf "%.0f" }} times in five minutes',
      guide: {
        en: {
          means: "Prometheus cannot evaluate a rule, so that its alert cannot fire.",
          steps: ["Prometheus' log and its page of rules have the reason."],
        },
        es: {
          means: "Prometheus no puede evaluar una regla, así que su alerta no puede saltar.",
          steps: ["El registro de Prometheus y su página de reglas tienen el motivo."],
        },
      },
    },
    {
      name: "AlertmanagerUnreachable",
      severity: "critical",
      for: "2 min",
      expr: () => "max(prometheus_notifications_alertmanagers_discovered) < 1",
      summary: () => "Prometheus finds no Alertmanager",
      guide: {
        en: {
          means:
            "Alerts fire and reach nobody. You see this in Prometheus, or by the Watchdog that stays away.",
          steps: ["List Alertmanager's instances and read its log: a configuration it refuses?"],
        },
        es: {
          means:
            "Las alertas saltan y no llegan a nadie. Se ve en Prometheus, o por el Watchdog que falta.",
          steps: [
            "Liste las instancias de Alertmanager y lea su registro: ¿una configuración rechazada?",
          ],
        },
      },
    },
  ],
};

/** Alerts of who asks as a client would. */
export const probesAlerts: AlertChapter<{ readonly workload: string }> = {
  title: { en: "Questions from outside", es: "Preguntas desde fuera" },
  rules: [
    {
      name: "ProbesDown",
      severity: "warning",
      for: "2 min",
      // It may be there and know nothing of a question that Prometheus has it ask.
      expr: ({ own, workload }) =>
        `${answering(own, workload)} == 0 or count(up{system!="",probe!=""} == 0) > 0`,
      summary: ({ name }) =>
        `${name} does not ask: nobody would hear of a gateway or a pool that serves nobody`,
      guide: {
        en: {
          means:
            "Whoever asks gateways and pools from outside (blackbox_exporter) is away, or leaves a question unasked. Alerts that go by such questions (GatewayDown, PoolDown and their kin) are silent until it is back: nobody knows how it stands there.",
          steps: [
            "Ask yourself meanwhile: `npx atalaya health`, or `curl -v https://HOST/`.",
            "List its instances and read its log: a configuration that it refuses is named there.",
            'It is up? `up{probe!=""} == 0` in Prometheus has the questions that it leaves open.',
          ],
        },
        es: {
          means:
            "Quien pregunta desde fuera a las puertas de enlace y a los pools (blackbox_exporter) no está, o deja una pregunta sin hacer. Las alertas que dependen de esas preguntas (GatewayDown, PoolDown y sus parientes) callan hasta que vuelva: nadie sabe cómo están.",
          steps: [
            "Pregunte usted mientras tanto: `npx atalaya health`, o `curl -v https://HOST/`.",
            "Liste sus instancias y lea su registro: nombra la configuración que rechaza.",
            '¿Está en marcha? `up{probe!=""} == 0` en Prometheus tiene las preguntas que deja abiertas.',
          ],
        },
      },
    },
  ],
};

/** Alerts of who shows it. */
export const grafanaAlerts: AlertChapter<{ readonly workload: string }> = {
  title: { en: "Grafana", es: "Grafana" },
  rules: [
    {
      name: "GrafanaDown",
      severity: "warning",
      for: "10 min",
      expr: ({ own, workload }) => `${answering(own, workload)} == 0`,
      summary: () => "Grafana does not answer: nobody sees a dashboard",
      guide: {
        en: {
          means: "Grafana is gone. Alerts go on without it; dashboards are away.",
          steps: [
            "List its instances and read its log: a file that it refuses is named there.",
            "Waiting for its image? The engine has to reach the registry, or `observability.grafanaImage` names a mirror.",
            "Meanwhile `npx atalaya open prometheus` shows every metric.",
          ],
        },
        es: {
          means: "Grafana no está. Las alertas siguen sin ella; los tableros faltan.",
          steps: [
            "Liste sus instancias y lea su registro: nombra el archivo que rechaza.",
            "¿Espera su imagen? El motor debe alcanzar el registro, o `observability.grafanaImage` nombra un espejo.",
            "Mientras tanto `npx atalaya open prometheus` muestra todas las métricas.",
          ],
        },
      },
    },
  ],
};
