/** An error as plain data: survives JSON, shows in records and events. */
export interface SerializedError {
  name: string;
  message: string;
  code?: string;
  stack?: string;
  cause?: SerializedError;
}

/** Turns anything that was thrown into data. Never throws, and follows `cause` at most five deep. */
export function toSerializedError(thrown: unknown, depth = 5): SerializedError {
  try {
    if (typeof thrown !== "object" || thrown === null) return { name: "Error", message: String(thrown) };
    const { name, message, code, stack, cause } = thrown as Partial<Record<"name" | "message" | "code" | "stack" | "cause", unknown>>;
    return {
      name: typeof name === "string" ? name : "Error",
      message: typeof message === "string" ? message : describeObject(thrown),
      ...(typeof code === "string" && { code }),
      ...(typeof stack === "string" && { stack }),
      ...(cause !== undefined && depth > 0 && { cause: toSerializedError(cause, depth - 1) }),
    };
  } catch {
    return { name: "Error", message: "something was thrown that cannot be read" };
  }
}

function describeObject(value: object): string {
  const json = JSON.stringify(value);
  return json === undefined || json === "{}" ? Object.prototype.toString.call(value) : json;
}
