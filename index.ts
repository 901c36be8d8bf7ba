import { deploy } from "./stack";
import { systems } from "./systems";

const outputs = deploy(systems);
// Pulumi waits for it later than Node looks: a mistake that is found at once is told by Pulumi, without a warning of Node's before.
outputs.catch(() => undefined);

export = outputs;
