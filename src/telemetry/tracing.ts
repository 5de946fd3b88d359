import type { Environment } from "../models/environment.ts";
import { staticPath } from "../models/path.ts";
import type {
  Span,
  SpanAttributes,
  SpanContext,
  SpanOptions,
  StepSpan,
  StepSpanEnd,
  Tracer,
  Tracing,
} from "../models/tracer.ts";

const error = 2;
/** How many runs' starts are kept to be linked to. */
const mostStarts = 10_000;

/** Spans on the user's tracer. What it throws is logged, and the work goes on without a span. */
export class SpanTracing implements Tracing {
  private readonly tracer: Tracer;
  private readonly env: Pick<Environment, "now" | "logger">;
  private readonly starts = new Map<string, SpanContext>();

  constructor(tracer: Tracer, env: Pick<Environment, "now" | "logger">) {
    this.tracer = tracer;
    this.env = env;
  }

  within<T>(name: string, options: SpanOptions, work: (span: Span | undefined) => Promise<T>): Promise<T> {
    let begun: Promise<T> | undefined;
    this.quietly(() =>
      this.tracer.startActiveSpan(name, options, (span) => {
        begun = this.watched(span, work(span));
      }),
    );
    return begun ?? work(undefined);
  }

  remember(instanceId: string, span: Span | undefined): void {
    if (span === undefined) return;
    this.quietly(() => this.starts.set(instanceId, span.spanContext()));
    if (this.starts.size <= mostStarts) return;
    const [oldest] = this.starts.keys();
    if (oldest !== undefined) this.starts.delete(oldest);
  }

  step<T>(step: StepSpan, work: () => Promise<T>, endOf: (answer: T) => StepSpanEnd): Promise<T> {
    const start = this.starts.get(step.instanceId);
    const options: SpanOptions = {
      root: true,
      attributes: {
        "workflow.definition.id": step.workflow,
        "workflow.definition.version": step.version,
        "workflow.instance.id": step.instanceId,
        "workflow.step.path": step.path,
        "workflow.step.attempt": step.attempt,
      },
      ...(start === undefined ? {} : { links: [{ context: start }] }),
    };
    return this.within(`step ${staticPath(step.path)}`, options, async (span) => {
      const answer = await work();
      if (span !== undefined) this.quietly(() => tell(span, endOf(answer)));
      return answer;
    });
  }

  past(name: string, attributes: SpanAttributes, tookMs: number): void {
    this.quietly(() =>
      this.tracer.startSpan(name, { root: true, attributes, startTime: this.env.now() - tookMs }).end(this.env.now()),
    );
  }

  private async watched<T>(span: Span, work: Promise<T>): Promise<T> {
    try {
      return await work;
    } catch (thrown) {
      this.quietly(() => blame(span, thrown));
      throw thrown;
    } finally {
      this.quietly(() => span.end());
    }
  }

  private quietly(tell: () => unknown): void {
    try {
      tell();
    } catch (thrown) {
      this.env.logger.error("The tracer threw", { error: String(thrown) });
    }
  }
}

function tell(span: Span, { outcome, failure }: StepSpanEnd): void {
  span.setAttributes({ "workflow.step.outcome": outcome });
  if (failure === undefined) return;
  span.recordException({ name: failure.code ?? "Error", message: failure.message });
  span.setStatus({ code: error, message: failure.message });
}

function blame(span: Span, thrown: unknown): void {
  const cause = thrown instanceof Error ? thrown : new Error(String(thrown));
  span.recordException(cause);
  span.setStatus({ code: error, message: cause.message });
}
