/** Most bytes of UTF-8 JSON that one stored value may take: 4 MiB. Beyond: `ValueTooLargeError`. */
export const maxValueBytes: number = 4 * 1024 * 1024;

/** How many containers may nest in one value. Beyond: `NotStorableError`. (PostgreSQL's own parser gives up near 20,000.) */
export const maxValueDepth: number = 200;

/** Most UTF-8 bytes of a name, a key or a label: 512. Beyond: `InvalidNameError`. A B-tree key of some 6 kB breaks PostgreSQL. */
export const maxNameBytes: number = 512;

/** Most UTF-8 bytes of a text for people: why a run rests or was ended, the description of a record. */
export const maxDescriptionBytes: number = 4_096;

/** Most tags of one instance. */
export const maxTags: number = 100;

/** Most UTF-8 bytes of an execution pointer's path. */
export const maxPathBytes: number = 512;

/** Most bytes of JSON that a described failure may take: 64 KiB. What is longer is cut, and says so. */
export const maxErrorBytes: number = 64 * 1024;

/** Most steps in one workflow definition. */
export const maxSteps: number = 10_000;

/** Most bytes of JSON that one transition may write: 16 MiB. */
export const maxTransitionBytes: number = 16 * 1024 * 1024;

/** Most pointers of one instance that may be active at once. */
export const maxActivePointers: number = 1_000;

/** How many children a forEach or a parallel admits at a time, unless its author says otherwise. */
export const defaultAdmission: number = 32;

/** Structural moves (steps that run no body) in one transition; then it is committed and the turn goes on. */
export const maxStructuralMoves: number = 10_000;

/** Deaths of owners, without progress between them, from which on an instance is suspected to be their cause. It may have been any
 *  other on its node, so it runs in a lane of its own from then on. */
export const suspectFromDeaths: number = 2;

/** Deaths from which on a suspect is quarantined: three in its lane, after the two that brought it there. One alone proves nothing,
 *  since a process is also killed from outside. */
export const quarantineFromDeaths: number = suspectFromDeaths + 3;

/** Longest delay, in milliseconds: 100 years, so that no instant leaves the four-digit years. Beyond: `InvalidDurationError`. */
export const maxDelayMs: number = 100 * 365 * 24 * 60 * 60 * 1000;
