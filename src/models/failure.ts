import type { ErrorClass } from "./errors.ts";

/** What is kept of something thrown: plain, bounded, storable JSON. */
export interface Failure {
  readonly name: string;
  readonly message: string;
  readonly code?: string;
  readonly errorClass: ErrorClass;
  readonly stack?: string;
  /** Path of the step that failed. */
  readonly path?: string;
  readonly cause?: Failure;
}
