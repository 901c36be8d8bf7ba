import { deploy } from "./stack";
import { systems } from "./systems";

export = deploy(systems);
