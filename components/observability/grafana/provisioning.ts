/** What Grafana reads at its start: whom it asks, and where its dashboards are. */

/** Where the files are in the container. */
export const PATHS = {
  provisioning: "/etc/atalaya/provisioning",
  dashboards: "/etc/atalaya/dashboards",
} as const;

/** Whom panels ask, by the name that it is provided under. */
export const PROMETHEUS = { type: "prometheus", uid: "prometheus" } as const;
export const LOKI = { type: "loki", uid: "loki" } as const;

/** A source of data by the name that panels know it by. */
interface DataSource {
  readonly uid: string;
  readonly name: string;
  readonly type: string;
  readonly url: string;
  readonly jsonData: object;
}

/** @param of.interval seconds between two questions for metrics */
export const prometheusSource = (of: { url: string; interval: number }): DataSource => ({
  ...PROMETHEUS,
  name: "Prometheus",
  url: of.url,
  jsonData: {
    httpMethod: "POST",
    // Below it a line has gaps.
    timeInterval: `${of.interval}s`,
    // Rules are Prometheus' and come from components: nobody writes one here.
    manageAlerts: false,
  },
});

/** Whom one asks for what containers printed (Explore). */
export const lokiSource = (url: string): DataSource => ({
  ...LOKI,
  name: "Loki",
  url,
  jsonData: { maxLines: 1_000, manageAlerts: false },
});

/** @param sources the first is asked where a person names none */
export const dataSources = (sources: readonly DataSource[]): object => ({
  apiVersion: 1,
  prune: true,
  datasources: sources.map((source, i) => ({
    ...source,
    access: "proxy",
    isDefault: i === 0,
    editable: false,
  })),
});

/** Folders by the files' own; nobody changes or deletes one by hand, since that would last until a restart. */
export const dashboardFiles = (): object => ({
  apiVersion: 1,
  providers: [
    {
      name: "atalaya",
      type: "file",
      disableDeletion: true,
      allowUiUpdates: false,
      options: { path: PATHS.dashboards, foldersFromFilesStructure: true },
    },
  ],
});

/** Settings by Grafana's own names of variables: closed, quiet, and with nothing to learn from outside. */
export const SETTINGS: Readonly<Record<string, string>> = {
  GF_PATHS_PROVISIONING: PATHS.provisioning,
  GF_LOG_MODE: "console",
  // Nobody but who has the password gets in.
  GF_AUTH_ANONYMOUS_ENABLED: "false",
  GF_USERS_ALLOW_SIGN_UP: "false",
  GF_USERS_ALLOW_ORG_CREATE: "false",
  GF_SNAPSHOTS_ENABLED: "false",
  GF_SNAPSHOTS_EXTERNAL_ENABLED: "false",
  GF_SECURITY_COOKIE_SAMESITE: "strict",
  // It tells nobody about itself, and asks nobody.
  GF_ANALYTICS_ENABLED: "false",
  GF_ANALYTICS_REPORTING_ENABLED: "false",
  GF_ANALYTICS_CHECK_FOR_UPDATES: "false",
  GF_ANALYTICS_CHECK_FOR_PLUGIN_UPDATES: "false",
  GF_ANALYTICS_FEEDBACK_LINKS_ENABLED: "false",
  GF_SECURITY_DISABLE_GRAVATAR: "true",
  GF_NEWS_NEWS_FEED_ENABLED: "false",
  GF_PLUGINS_PREINSTALL_DISABLED: "true",
  GF_PLUGINS_PLUGIN_ADMIN_ENABLED: "false",
  GF_PLUGINS_PUBLIC_KEY_RETRIEVAL_DISABLED: "true",
  // Alerts are Prometheus'.
  GF_UNIFIED_ALERTING_ENABLED: "false",
};
