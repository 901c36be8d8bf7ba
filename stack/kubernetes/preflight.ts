import type { DescribedStack } from "../describe";

/** Before any resource is touched: everything that is missing, in one message. */
export async function checkCluster(_described: DescribedStack): Promise<void> {}
