import { matchesGlob } from "node:path";

/** True when a path matches a glob whose wildcards also stand for names that begin with a dot. */
export const matches = (path: string, glob: string): boolean => matchesGlob(dotted(path), dotted(glob));

// Wildcards pass over hidden names; with another character in front of the dot, no name is hidden.
const dotted = (text: string): string => text.replace(/(^|\/)\.(?!\.?(\/|$))/g, "$1\u0001.");
