/** How a promise has ended, to ask without waiting for it: a fault may be that it never does. */
export class WatchedEnd<Value> {
  /** Undefined while it is open. */
  end: { readonly value: Value } | { readonly error: Error & { readonly code?: string } } | undefined;

  constructor(promise: Promise<Value>) {
    promise.then(
      (value) => {
        this.end = { value };
      },
      (error) => {
        this.end = { error };
      },
    );
  }

  get value(): Value | undefined {
    return this.end !== undefined && "value" in this.end ? this.end.value : undefined;
  }

  get errorCode(): string | undefined {
    return this.end !== undefined && "error" in this.end ? (this.end.error.code ?? this.end.error.message) : undefined;
  }
}
