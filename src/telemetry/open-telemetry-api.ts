/** As much of `@opentelemetry/api` as is used here, so that nobody needs the package who does not trace. */
export interface OpenTelemetryApi {
  readonly trace: {
    getTracer(name: string): TracerApi;
    setSpan(context: ContextApi, span: SpanApi): ContextApi;
  };
  readonly metrics: { getMeter(name: string): MeterApi };
  readonly context: { active(): ContextApi; with<Result>(context: ContextApi, run: () => Result): Result };
  readonly propagation: {
    inject(context: ContextApi, carrier: Record<string, string>): void;
    extract(context: ContextApi, carrier: Readonly<Record<string, string>>): ContextApi;
  };
  readonly ROOT_CONTEXT: ContextApi;
}

/** What is active where code runs. */
export interface ContextApi {
  getValue(key: symbol): unknown;
  setValue(key: symbol, value: unknown): ContextApi;
  deleteValue(key: symbol): ContextApi;
}

/** What names a span to others. */
export interface SpanContextApi {
  readonly traceId: string;
  readonly spanId: string;
  readonly traceFlags: number;
}

/** What a span or a measurement is told apart by. */
export type Attributes = Record<string, string | number>;

/** A span that goes on. */
export interface SpanApi {
  spanContext(): SpanContextApi;
  setAttributes(attributes: Attributes): unknown;
  addEvent(name: string, attributes?: Attributes): unknown;
  recordException(exception: { name: string; message: string; stack?: string }): void;
  setStatus(status: { code: number; message?: string }): unknown;
  end(endTime?: Date): void;
}

/** What begins spans. */
export interface TracerApi {
  startSpan(
    name: string,
    options: { kind?: number; startTime?: Date; attributes?: Attributes; links?: { context: SpanContextApi; attributes?: Attributes }[] },
    context: ContextApi,
  ): SpanApi;
}

/** What makes instruments. */
export interface MeterApi {
  createCounter(name: string, options: InstrumentOptions): { add(value: number, attributes?: Attributes): void };
  createHistogram(name: string, options: InstrumentOptions): { record(value: number, attributes?: Attributes): void };
  createObservableGauge(name: string, options: InstrumentOptions): ObservableApi;
}

/** What is read when somebody collects. */
export interface ObservableApi {
  addCallback(callback: ObservableCallback): void;
  removeCallback(callback: ObservableCallback): void;
}

type ObservableCallback = (result: { observe(value: number, attributes?: Attributes): void }) => void;

interface InstrumentOptions {
  readonly description: string;
  readonly unit: string;
  readonly advice?: { explicitBucketBoundaries: number[] };
}

/** `SpanKind` and `SpanStatusCode` of the API. */
export const spanKind = { internal: 0, client: 2, producer: 3, consumer: 4 } as const;
export const errorStatus = 2;
