import type { Tracer } from "workflow-core";

/** The shapes of `@opentelemetry/api` 1.x, as far as a tracer shows them. */

type Time = [number, number] | number | Date;
type AttributeValue =
  | string
  | number
  | boolean
  | (null | undefined | string)[]
  | (null | undefined | number)[]
  | (null | undefined | boolean)[];
interface Attributes {
  [name: string]: AttributeValue | undefined;
}
interface ApiSpanContext {
  traceId: string;
  spanId: string;
  isRemote?: boolean;
  traceFlags: number;
  traceState?: { get(key: string): string | undefined };
}
interface ApiLink {
  context: ApiSpanContext;
  attributes?: Attributes;
  droppedAttributesCount?: number;
}
type SpanKind = 0 | 1 | 2 | 3 | 4;
type Exception =
  | { code: string | number; name?: string; message?: string; stack?: string }
  | { code?: string | number; message: string; name?: string; stack?: string }
  | { code?: string | number; name: string; message?: string; stack?: string }
  | string;
interface ApiSpan {
  spanContext(): ApiSpanContext;
  setAttribute(key: string, value: AttributeValue): this;
  setAttributes(attributes: Attributes): this;
  addEvent(name: string, attributesOrStartTime?: Attributes | Time, startTime?: Time): this;
  addLink(link: ApiLink): this;
  addLinks(links: ApiLink[]): this;
  setStatus(status: { code: 0 | 1 | 2; message?: string }): this;
  updateName(name: string): this;
  end(endTime?: Time): void;
  isRecording(): boolean;
  recordException(exception: Exception, time?: Time): void;
}
interface ApiSpanOptions {
  kind?: SpanKind;
  attributes?: Attributes;
  links?: ApiLink[];
  startTime?: Time;
  root?: boolean;
}
interface Context {
  getValue(key: symbol): unknown;
}
interface ApiTracer {
  startSpan(name: string, options?: ApiSpanOptions, context?: Context): ApiSpan;
  startActiveSpan<F extends (span: ApiSpan) => unknown>(name: string, fn: F): ReturnType<F>;
  startActiveSpan<F extends (span: ApiSpan) => unknown>(name: string, options: ApiSpanOptions, fn: F): ReturnType<F>;
  startActiveSpan<F extends (span: ApiSpan) => unknown>(
    name: string,
    options: ApiSpanOptions,
    context: Context,
    fn: F,
  ): ReturnType<F>;
}

/** Their tracer is one of ours. */
export const fits = (tracer: ApiTracer): Tracer => tracer;
