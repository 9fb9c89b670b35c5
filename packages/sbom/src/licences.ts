import old from "spdx-license-ids/deprecated.json" with { type: "json" };
import known from "spdx-license-ids/index.json" with { type: "json" };
import type { Licence } from "./meta.ts";

const ids = new Set<string>([...known, ...old]);

/** The id, when it is on the SPDX licence list; null for others, of which the name is told. */
export const listedId = ({ spdxId }: Licence): string | null => (spdxId !== null && ids.has(spdxId) ? spdxId : null);
