import { AsyncLocalStorage } from "node:async_hooks";
import type { Span, SpanAttributes, SpanContext, SpanOptions, Tracer } from "workflow-core";

/** A span as a test reads it. */
export class RecordedSpan implements Span {
  readonly name: string;
  readonly parent: RecordedSpan | undefined;
  readonly links: readonly SpanContext[];
  readonly attributes: SpanAttributes;
  readonly exceptions: string[] = [];
  status: 0 | 1 | 2 = 0;
  hasEnded = false;
  private readonly id: string;

  constructor(name: string, parent: RecordedSpan | undefined, options: SpanOptions, id: number) {
    this.name = name;
    this.parent = parent;
    this.links = (options.links ?? []).map(({ context }) => context);
    this.attributes = { ...options.attributes };
    this.id = String(id);
  }

  spanContext(): SpanContext {
    return { traceId: this.parent?.spanContext().traceId ?? this.id, spanId: this.id, traceFlags: 1 };
  }

  setAttributes(attributes: SpanAttributes): this {
    Object.assign(this.attributes, attributes);
    return this;
  }

  setStatus({ code }: { code: 0 | 1 | 2 }): this {
    this.status = code;
    return this;
  }

  recordException({ name, message }: { name: string; message: string }): void {
    this.exceptions.push(`${name}: ${message}`);
  }

  end(): void {
    this.hasEnded = true;
  }
}

/** A tracer that keeps its spans, with the active one in the asynchronous context, as OpenTelemetry's SDK for Node.js has it. */
export class RecordingTracer implements Tracer {
  readonly spans: RecordedSpan[] = [];
  private readonly active = new AsyncLocalStorage<RecordedSpan>();

  startSpan(name: string, options: SpanOptions = {}): RecordedSpan {
    const parent = options.root === true ? undefined : this.active.getStore();
    const span = new RecordedSpan(name, parent, options, this.spans.length + 1);
    this.spans.push(span);
    return span;
  }

  startActiveSpan<F extends (span: RecordedSpan) => unknown>(name: string, options: SpanOptions, fn: F): ReturnType<F> {
    const span = this.startSpan(name, options);
    return this.active.run(span, () => fn(span) as ReturnType<F>);
  }

  named(name: string): readonly RecordedSpan[] {
    return this.spans.filter((span) => span.name === name);
  }
}
