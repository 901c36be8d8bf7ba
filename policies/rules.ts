// Written by `npm run policies:docs` from the folders of the rules: do not edit.
import type { Rule, RuleArgs } from "./engine/rule";
import { rule as imagesDigest } from "./images/digest/rule";
import { rule as imagesNeverPulled } from "./images/never-pulled/rule";
import { rule as imagesPinnedVersion } from "./images/pinned-version/rule";
import { rule as imagesPullPolicy } from "./images/pull-policy/rule";
import { rule as imagesRegistry } from "./images/registry/rule";
import { rule as imagesRetired } from "./images/retired/rule";
import { rule as metadataDeprecatedApi } from "./metadata/deprecated-api/rule";
import { rule as metadataLabelValues } from "./metadata/label-values/rule";
import { rule as metadataLabels } from "./metadata/labels/rule";
import { rule as networkAllowAll } from "./network/allow-all/rule";
import { rule as networkAttachable } from "./network/attachable/rule";
import { rule as networkDanglingIngress } from "./network/dangling-ingress/rule";
import { rule as networkDanglingPolicy } from "./network/dangling-policy/rule";
import { rule as networkDanglingService } from "./network/dangling-service/rule";
import { rule as networkDatabaseExposed } from "./network/database-exposed/rule";
import { rule as networkDatabaseNetwork } from "./network/database-network/rule";
import { rule as networkDefaultBridge } from "./network/default-bridge/rule";
import { rule as networkDefaultDeny } from "./network/default-deny/rule";
import { rule as networkExposedService } from "./network/exposed-service/rule";
import { rule as networkExternalIps } from "./network/external-ips/rule";
import { rule as networkHsts } from "./network/hsts/rule";
import { rule as networkIngressHost } from "./network/ingress-host/rule";
import { rule as networkIngressSnippets } from "./network/ingress-snippets/rule";
import { rule as networkLowPorts } from "./network/low-ports/rule";
import { rule as networkPortNames } from "./network/port-names/rule";
import { rule as networkPublishedPorts } from "./network/published-ports/rule";
import { rule as networkSsh } from "./network/ssh/rule";
import { rule as networkTls } from "./network/tls/rule";
import { rule as operationsAbsenceAlert } from "./operations/absence-alert/rule";
import { rule as operationsAlertReceiver } from "./operations/alert-receiver/rule";
import { rule as operationsAlertRunbook } from "./operations/alert-runbook/rule";
import { rule as operationsBackup } from "./operations/backup/rule";
import { rule as operationsBackupOffsite } from "./operations/backup-offsite/rule";
import { rule as operationsCertificateAlert } from "./operations/certificate-alert/rule";
import { rule as operationsDataRetained } from "./operations/data-retained/rule";
import { rule as operationsDatabaseLink } from "./operations/database-link/rule";
import { rule as operationsLogRetention } from "./operations/log-retention/rule";
import { rule as operationsRestoreDrill } from "./operations/restore-drill/rule";
import { rule as operationsScrape } from "./operations/scrape/rule";
import { rule as podsAdmission } from "./pods/admission/rule";
import { rule as podsApparmor } from "./pods/apparmor/rule";
import { rule as podsCapabilitiesAdded } from "./pods/capabilities-added/rule";
import { rule as podsCapabilitiesDropped } from "./pods/capabilities-dropped/rule";
import { rule as podsDefaultNamespace } from "./pods/default-namespace/rule";
import { rule as podsDevices } from "./pods/devices/rule";
import { rule as podsHostNamespaces } from "./pods/host-namespaces/rule";
import { rule as podsHostPaths } from "./pods/host-paths/rule";
import { rule as podsHostPorts } from "./pods/host-ports/rule";
import { rule as podsHostProcess } from "./pods/host-process/rule";
import { rule as podsKnownServiceAccount } from "./pods/known-service-account/rule";
import { rule as podsNonRoot } from "./pods/non-root/rule";
import { rule as podsPrivilegeEscalation } from "./pods/privilege-escalation/rule";
import { rule as podsPrivileged } from "./pods/privileged/rule";
import { rule as podsProcMount } from "./pods/proc-mount/rule";
import { rule as podsReadOnlyRoot } from "./pods/read-only-root/rule";
import { rule as podsRuntimeSocket } from "./pods/runtime-socket/rule";
import { rule as podsSeccomp } from "./pods/seccomp/rule";
import { rule as podsSelinux } from "./pods/selinux/rule";
import { rule as podsServiceAccount } from "./pods/service-account/rule";
import { rule as podsServiceLinks } from "./pods/service-links/rule";
import { rule as podsSysctls } from "./pods/sysctls/rule";
import { rule as podsToken } from "./pods/token/rule";
import { rule as podsUniqueUser } from "./pods/unique-user/rule";
import { rule as podsUserId } from "./pods/user-id/rule";
import { rule as podsVolumeTypes } from "./pods/volume-types/rule";
import { rule as policiesUnusedExemption } from "./policies/unused-exemption/rule";
import { rule as rbacClusterAdmin } from "./rbac/cluster-admin/rule";
import { rule as rbacControlPlane } from "./rbac/control-plane/rule";
import { rule as rbacCreatePods } from "./rbac/create-pods/rule";
import { rule as rbacDefaultAccount } from "./rbac/default-account/rule";
import { rule as rbacEscalation } from "./rbac/escalation/rule";
import { rule as rbacExec } from "./rbac/exec/rule";
import { rule as rbacGroups } from "./rbac/groups/rule";
import { rule as rbacSecrets } from "./rbac/secrets/rule";
import { rule as rbacWildcards } from "./rbac/wildcards/rule";
import { rule as reliabilityAutoscalerRange } from "./reliability/autoscaler-range/rule";
import { rule as reliabilityAutoscalerReplicas } from "./reliability/autoscaler-replicas/rule";
import { rule as reliabilityAutoscalerTarget } from "./reliability/autoscaler-target/rule";
import { rule as reliabilityBarePod } from "./reliability/bare-pod/rule";
import { rule as reliabilityBudgetEvictsUnhealthy } from "./reliability/budget-evicts-unhealthy/rule";
import { rule as reliabilityBudgetLetsDrain } from "./reliability/budget-lets-drain/rule";
import { rule as reliabilityCronjobConcurrency } from "./reliability/cronjob-concurrency/rule";
import { rule as reliabilityCronjobDeadline } from "./reliability/cronjob-deadline/rule";
import { rule as reliabilityCronjobHistory } from "./reliability/cronjob-history/rule";
import { rule as reliabilityDanglingBudget } from "./reliability/dangling-budget/rule";
import { rule as reliabilityDisruptionBudget } from "./reliability/disruption-budget/rule";
import { rule as reliabilityDuplicateVariable } from "./reliability/duplicate-variable/rule";
import { rule as reliabilityGracePeriod } from "./reliability/grace-period/rule";
import { rule as reliabilityJobCleanup } from "./reliability/job-cleanup/rule";
import { rule as reliabilityJobDeadline } from "./reliability/job-deadline/rule";
import { rule as reliabilityLivenessProbe } from "./reliability/liveness-probe/rule";
import { rule as reliabilityPriority } from "./reliability/priority/rule";
import { rule as reliabilityProbeCommands } from "./reliability/probe-commands/rule";
import { rule as reliabilityProbePort } from "./reliability/probe-port/rule";
import { rule as reliabilityProbesDiffer } from "./reliability/probes-differ/rule";
import { rule as reliabilityReadinessProbe } from "./reliability/readiness-probe/rule";
import { rule as reliabilityReplicas } from "./reliability/replicas/rule";
import { rule as reliabilityRestartPolicy } from "./reliability/restart-policy/rule";
import { rule as reliabilitySelector } from "./reliability/selector/rule";
import { rule as reliabilitySpread } from "./reliability/spread/rule";
import { rule as reliabilityStartupProbe } from "./reliability/startup-probe/rule";
import { rule as reliabilityStatefulService } from "./reliability/stateful-service/rule";
import { rule as reliabilityUpdateStrategy } from "./reliability/update-strategy/rule";
import { rule as resourcesCeiling } from "./resources/ceiling/rule";
import { rule as resourcesCpuLimit } from "./resources/cpu-limit/rule";
import { rule as resourcesCpuRequest } from "./resources/cpu-request/rule";
import { rule as resourcesDisk } from "./resources/disk/rule";
import { rule as resourcesGuaranteed } from "./resources/guaranteed/rule";
import { rule as resourcesMemoryLimit } from "./resources/memory-limit/rule";
import { rule as resourcesMemoryRequest } from "./resources/memory-request/rule";
import { rule as resourcesNoCpuLimit } from "./resources/no-cpu-limit/rule";
import { rule as resourcesQuota } from "./resources/quota/rule";
import { rule as resourcesQuotaFits } from "./resources/quota-fits/rule";
import { rule as resourcesRatio } from "./resources/ratio/rule";
import { rule as resourcesRequestWithinLimit } from "./resources/request-within-limit/rule";
import { rule as resourcesScratch } from "./resources/scratch/rule";
import { rule as secretsAsFiles } from "./secrets/as-files/rule";
import { rule as secretsBuildArgs } from "./secrets/build-args/rule";
import { rule as secretsDefaultCredentials } from "./secrets/default-credentials/rule";
import { rule as secretsNamedConsumer } from "./secrets/named-consumer/rule";
import { rule as secretsNoPlainText } from "./secrets/no-plain-text/rule";
import { rule as secretsOrphan } from "./secrets/orphan/rule";
import { rule as secretsPasswordLength } from "./secrets/password-length/rule";
import { rule as secretsPlainConfig } from "./secrets/plain-config/rule";
import { rule as secretsPlainOutput } from "./secrets/plain-output/rule";
import { rule as secretsPulumiSecret } from "./secrets/pulumi-secret/rule";
import { rule as secretsRotation } from "./secrets/rotation/rule";

const named = (id: string, rule: RuleArgs): Rule => ({
  ...rule,
  id,
  category: id.split("/")[0]!,
});

/** Every rule, by its id. */
export const rules: readonly Rule[] = [
  named("images/digest", imagesDigest),
  named("images/never-pulled", imagesNeverPulled),
  named("images/pinned-version", imagesPinnedVersion),
  named("images/pull-policy", imagesPullPolicy),
  named("images/registry", imagesRegistry),
  named("images/retired", imagesRetired),
  named("metadata/deprecated-api", metadataDeprecatedApi),
  named("metadata/label-values", metadataLabelValues),
  named("metadata/labels", metadataLabels),
  named("network/allow-all", networkAllowAll),
  named("network/attachable", networkAttachable),
  named("network/dangling-ingress", networkDanglingIngress),
  named("network/dangling-policy", networkDanglingPolicy),
  named("network/dangling-service", networkDanglingService),
  named("network/database-exposed", networkDatabaseExposed),
  named("network/database-network", networkDatabaseNetwork),
  named("network/default-bridge", networkDefaultBridge),
  named("network/default-deny", networkDefaultDeny),
  named("network/exposed-service", networkExposedService),
  named("network/external-ips", networkExternalIps),
  named("network/hsts", networkHsts),
  named("network/ingress-host", networkIngressHost),
  named("network/ingress-snippets", networkIngressSnippets),
  named("network/low-ports", networkLowPorts),
  named("network/port-names", networkPortNames),
  named("network/published-ports", networkPublishedPorts),
  named("network/ssh", networkSsh),
  named("network/tls", networkTls),
  named("operations/absence-alert", operationsAbsenceAlert),
  named("operations/alert-receiver", operationsAlertReceiver),
  named("operations/alert-runbook", operationsAlertRunbook),
  named("operations/backup", operationsBackup),
  named("operations/backup-offsite", operationsBackupOffsite),
  named("operations/certificate-alert", operationsCertificateAlert),
  named("operations/data-retained", operationsDataRetained),
  named("operations/database-link", operationsDatabaseLink),
  named("operations/log-retention", operationsLogRetention),
  named("operations/restore-drill", operationsRestoreDrill),
  named("operations/scrape", operationsScrape),
  named("pods/admission", podsAdmission),
  named("pods/apparmor", podsApparmor),
  named("pods/capabilities-added", podsCapabilitiesAdded),
  named("pods/capabilities-dropped", podsCapabilitiesDropped),
  named("pods/default-namespace", podsDefaultNamespace),
  named("pods/devices", podsDevices),
  named("pods/host-namespaces", podsHostNamespaces),
  named("pods/host-paths", podsHostPaths),
  named("pods/host-ports", podsHostPorts),
  named("pods/host-process", podsHostProcess),
  named("pods/known-service-account", podsKnownServiceAccount),
  named("pods/non-root", podsNonRoot),
  named("pods/privilege-escalation", podsPrivilegeEscalation),
  named("pods/privileged", podsPrivileged),
  named("pods/proc-mount", podsProcMount),
  named("pods/read-only-root", podsReadOnlyRoot),
  named("pods/runtime-socket", podsRuntimeSocket),
  named("pods/seccomp", podsSeccomp),
  named("pods/selinux", podsSelinux),
  named("pods/service-account", podsServiceAccount),
  named("pods/service-links", podsServiceLinks),
  named("pods/sysctls", podsSysctls),
  named("pods/token", podsToken),
  named("pods/unique-user", podsUniqueUser),
  named("pods/user-id", podsUserId),
  named("pods/volume-types", podsVolumeTypes),
  named("policies/unused-exemption", policiesUnusedExemption),
  named("rbac/cluster-admin", rbacClusterAdmin),
  named("rbac/control-plane", rbacControlPlane),
  named("rbac/create-pods", rbacCreatePods),
  named("rbac/default-account", rbacDefaultAccount),
  named("rbac/escalation", rbacEscalation),
  named("rbac/exec", rbacExec),
  named("rbac/groups", rbacGroups),
  named("rbac/secrets", rbacSecrets),
  named("rbac/wildcards", rbacWildcards),
  named("reliability/autoscaler-range", reliabilityAutoscalerRange),
  named("reliability/autoscaler-replicas", reliabilityAutoscalerReplicas),
  named("reliability/autoscaler-target", reliabilityAutoscalerTarget),
  named("reliability/bare-pod", reliabilityBarePod),
  named("reliability/budget-evicts-unhealthy", reliabilityBudgetEvictsUnhealthy),
  named("reliability/budget-lets-drain", reliabilityBudgetLetsDrain),
  named("reliability/cronjob-concurrency", reliabilityCronjobConcurrency),
  named("reliability/cronjob-deadline", reliabilityCronjobDeadline),
  named("reliability/cronjob-history", reliabilityCronjobHistory),
  named("reliability/dangling-budget", reliabilityDanglingBudget),
  named("reliability/disruption-budget", reliabilityDisruptionBudget),
  named("reliability/duplicate-variable", reliabilityDuplicateVariable),
  named("reliability/grace-period", reliabilityGracePeriod),
  named("reliability/job-cleanup", reliabilityJobCleanup),
  named("reliability/job-deadline", reliabilityJobDeadline),
  named("reliability/liveness-probe", reliabilityLivenessProbe),
  named("reliability/priority", reliabilityPriority),
  named("reliability/probe-commands", reliabilityProbeCommands),
  named("reliability/probe-port", reliabilityProbePort),
  named("reliability/probes-differ", reliabilityProbesDiffer),
  named("reliability/readiness-probe", reliabilityReadinessProbe),
  named("reliability/replicas", reliabilityReplicas),
  named("reliability/restart-policy", reliabilityRestartPolicy),
  named("reliability/selector", reliabilitySelector),
  named("reliability/spread", reliabilitySpread),
  named("reliability/startup-probe", reliabilityStartupProbe),
  named("reliability/stateful-service", reliabilityStatefulService),
  named("reliability/update-strategy", reliabilityUpdateStrategy),
  named("resources/ceiling", resourcesCeiling),
  named("resources/cpu-limit", resourcesCpuLimit),
  named("resources/cpu-request", resourcesCpuRequest),
  named("resources/disk", resourcesDisk),
  named("resources/guaranteed", resourcesGuaranteed),
  named("resources/memory-limit", resourcesMemoryLimit),
  named("resources/memory-request", resourcesMemoryRequest),
  named("resources/no-cpu-limit", resourcesNoCpuLimit),
  named("resources/quota", resourcesQuota),
  named("resources/quota-fits", resourcesQuotaFits),
  named("resources/ratio", resourcesRatio),
  named("resources/request-within-limit", resourcesRequestWithinLimit),
  named("resources/scratch", resourcesScratch),
  named("secrets/as-files", secretsAsFiles),
  named("secrets/build-args", secretsBuildArgs),
  named("secrets/default-credentials", secretsDefaultCredentials),
  named("secrets/named-consumer", secretsNamedConsumer),
  named("secrets/no-plain-text", secretsNoPlainText),
  named("secrets/orphan", secretsOrphan),
  named("secrets/password-length", secretsPasswordLength),
  named("secrets/plain-config", secretsPlainConfig),
  named("secrets/plain-output", secretsPlainOutput),
  named("secrets/pulumi-secret", secretsPulumiSecret),
  named("secrets/rotation", secretsRotation),
];
