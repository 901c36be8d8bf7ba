import { deploy } from "./stack";
import { grupoGad } from "./systems/grupo-gad";

/** The systems that a stack can select; which ones it runs, and how large, is its configuration. */
export = deploy([grupoGad]);
