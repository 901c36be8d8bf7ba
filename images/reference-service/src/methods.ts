/** What a service in front can hand on. */
export const METHODS = ["GET", "POST", "PUT"] as const;
export type Method = (typeof METHODS)[number];
