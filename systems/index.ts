import { floresVictoria } from "./flores-victoria";
import { grupoGad } from "./grupo-gad";
import { logs } from "./logs";
import { nodes } from "./nodes";
import { observability } from "./observability";
import { pronto } from "./pronto";

/**
 * The systems that a stack can select; which ones it runs, and how large, is its configuration. Those that
 * watch come last: they collect what the others say of themselves.
 */
export const systems = [floresVictoria, grupoGad, pronto, logs, nodes, observability];
