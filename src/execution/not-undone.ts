import type { Failure } from "../models/failure.ts";
import type { Left, Rollback } from "../models/frontier.ts";
import { shorten } from "../models/text.ts";

/** So many steps that are not undone are named; more are counted, or not looked for. */
const namedAtMost = 20;
const messageLength = 1_000;

/** Adds a step that is not undone. `failure`: why, if its own compensation has failed. */
export const leaving = (left: Left | undefined, path: string, failure?: Failure): Left =>
  bothLeft(left, {
    count: 1,
    paths: [path],
    ...(failure !== undefined && { because: shorten(failure.message, messageLength) }),
  });

export function bothLeft(one: Left | undefined, other: Left): Left;
export function bothLeft(one: Left | undefined, other: Left | undefined): Left | undefined;
export function bothLeft(one: Left | undefined, other: Left | undefined): Left | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  const because = one.because ?? other.because;
  return {
    count: one.count + other.count,
    paths: [...one.paths, ...other.paths].slice(0, namedAtMost),
    ...(because !== undefined && { because }),
  };
}

/** Whether there is no room to name another one. */
export const isEnough = (left: Left | undefined): boolean => left !== undefined && left.count >= namedAtMost;

/** What a rollback ends with that has not undone everything. What it was for is its cause. */
export function compensationFailure(rollback: Rollback, left: Left): Failure {
  const { failure, heads, inDoubt = [], gaveUp } = rollback;
  const names = left.paths.map((path) => `"${path}"`).join(", ");
  const more = left.count - left.paths.length;
  const others = more > 0 ? ` and ${more} more` : "";
  const earlier = gaveUp && heads.length + inDoubt.length > 0 ? " and what was done before" : "";
  const why = left.because === undefined ? "" : `: ${left.because}`;
  return {
    name: "CompensationFailedError",
    code: "COMPENSATION_FAILED",
    errorClass: "permanent",
    message: `Not undone: ${names}${others}${earlier}${why}`,
    ...(left.paths[0] !== undefined && { path: left.paths[0] }),
    ...(failure !== undefined && { cause: inShort(failure) }),
  };
}

const inShort = ({ name, message, code, errorClass, path }: Failure): Failure => ({
  name,
  message: shorten(message, messageLength),
  errorClass,
  ...(code !== undefined && { code }),
  ...(path !== undefined && { path }),
});
