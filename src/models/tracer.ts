/**
 * The part of OpenTelemetry's tracing API that the engine uses, so that any `Tracer` of `@opentelemetry/api` 1.x fits, and the package
 * itself is not needed.
 */
export interface Tracer {
  /** Begins a span that is not made the active one. */
  startSpan(name: string, options?: SpanOptions): Span;
  /** Begins a span and runs `fn` with it as the active one. */
  startActiveSpan<F extends (span: Span) => unknown>(name: string, options: SpanOptions, fn: F): ReturnType<F>;
}

/** How a span begins. */
export interface SpanOptions {
  /** 0 internal, 3 producer. */
  kind?: 0 | 3;
  attributes?: SpanAttributes;
  /** Other spans that this one follows from. */
  links?: { context: SpanContext }[];
  /** Milliseconds since the epoch. */
  startTime?: number;
  /** It begins a trace of its own, whatever span is active. */
  root?: boolean;
}

/** What is told of a span. */
export interface SpanAttributes {
  [name: string]: string | number | boolean;
}

/** What names a span for ever. */
export interface SpanContext {
  traceId: string;
  spanId: string;
  traceFlags: number;
}

/** An operation that is under way. */
export interface Span {
  spanContext(): SpanContext;
  setAttributes(attributes: SpanAttributes): unknown;
  /** Code 2 is an error. */
  setStatus(status: { code: 0 | 1 | 2; message?: string }): unknown;
  recordException(exception: { name: string; message: string; stack?: string }): void;
  end(endTime?: number): void;
}

/** One attempt of a step, or of its compensation. */
export interface StepSpan {
  readonly instanceId: string;
  readonly workflow: string;
  readonly version: number;
  readonly path: string;
  readonly attempt: number;
}

/** How an attempt ended. */
export interface StepSpanEnd {
  /** `succeeded`, `failed`, `slept`, or `stopped` by the engine. */
  readonly outcome: string;
  readonly failure?: { readonly code?: string | undefined; readonly message: string } | undefined;
}

/** The engine's spans, over the user's tracer. Whatever the tracer throws hurts no work. */
export interface Tracing {
  /** A span below the one that is active, for what a caller waits for. */
  within<T>(name: string, options: SpanOptions, work: (span: Span | undefined) => Promise<T>): Promise<T>;
  /** A run was started in this span: its steps in this process link to it. */
  remember(instanceId: string, span: Span | undefined): void;
  /** A span of its own trace, active while the body runs. */
  step<T>(step: StepSpan, work: () => Promise<T>, endOf: (answer: T) => StepSpanEnd): Promise<T>;
  /** Tells of something that is over already, in a trace of its own. */
  past(name: string, attributes: SpanAttributes, tookMs: number): void;
}
