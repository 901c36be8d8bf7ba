import type { AlertChapter, Nothing } from "../alerts";

/** Alerts of MongoDB, by a connection from outside of it. */
export const mongoAlerts: AlertChapter<Nothing> = {
  title: { en: "MongoDB", es: "MongoDB" },
  rules: [
    {
      name: "MongoDown",
      severity: "critical",
      for: "15 s",
      expr: ({ own }) => `(max(probe_success{${own}}) or vector(0)) == 0`,
      summary: ({ name }) => `${name}: MongoDB accepts no connection`,
      outage: true,
      guide: {
        en: {
          means:
            "Nobody can connect to the server. All that needs it fails; their alerts are held back until it is over.",
          steps: [
            "List its instances and read the log: does it recover (then wait), restart, or refuse an empty volume?",
            "An empty volume means that it runs on another node than its data: bring it back there. Never initialise.",
          ],
        },
        es: {
          means:
            "Nadie puede conectarse al servidor. Falla todo lo que lo necesita; sus alertas se retienen hasta que pase.",
          steps: [
            "Liste sus instancias y lea el registro: ¿se recupera (entonces espere), se reinicia, o rechaza un volumen vacío?",
            "Un volumen vacío significa que corre en otro nodo que sus datos: devuélvalo allí. No lo inicialice nunca.",
          ],
        },
      },
    },
  ],
};
