/** The pure part of a preview by itself: configuration, description, lowering. For `preview.ts`. */
import { describeStack } from "../stack/describe";
import { ownedImages } from "../stack/images";
import { swarmSite } from "../stack/sites";
import { swarm } from "../platforms/swarm/swarm";
import { systems } from "../systems";

const described = describeStack("bench", { values: {}, isSecret: () => false }, systems);
const site = swarmSite("bench", described.config.site, ownedImages());
for (const model of described.systems) swarm.lower(model, site);
