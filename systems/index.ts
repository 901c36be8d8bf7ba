import { floresVictoria } from "./flores-victoria";
import { grupoGad } from "./grupo-gad";
import { pronto } from "./pronto";

/** The systems that a stack can select; which ones it runs, and how large, is its configuration. */
export const systems = [floresVictoria, grupoGad, pronto];
