import Module, { createRequire } from "node:module";
import type { HttpResponseInit } from "@azure/functions";

/** A function as it was told to the host. */
interface RegisteredFunction {
  /** The one that triggers it. */
  readonly binding: Readonly<Record<string, unknown>>;
  /** Calls it as the host's worker does: with this input, and what the trigger tells about it. Resolves to what it returned. */
  invoke(input: object, triggerMetadata?: Readonly<Record<string, object>>): Promise<unknown>;
}

/** The part of the Functions host that `@azure/functions` talks to, as far as these tests need it. */
export interface AzureFunctionsHost {
  readonly functions: ReadonlyMap<string, RegisteredFunction>;
  /** Calls the function of an HTTP trigger. */
  request(
    name: string,
    request: { method: string; url: string; headers?: Record<string, string>; body?: string },
  ): Promise<HttpResponseInit>;
}

interface FunctionMetadata {
  readonly name: string;
  readonly bindings: Readonly<Record<string, Record<string, unknown>>>;
}

interface Model {
  getInvocationModel(core: object): {
    getArguments(): Promise<{ context: unknown; inputs: unknown[] }>;
    invokeFunction(context: unknown, inputs: unknown[], run: unknown): Promise<unknown>;
  };
}

type Load = (id: string, ...more: unknown[]) => unknown;

/** Loads `register` with a host in place. Once per process, because modules register their functions when they are loaded. */
export async function startAzureFunctions(register: () => Promise<unknown>): Promise<AzureFunctionsHost> {
  const functions = new Map<string, RegisteredFunction>();
  let model: Model | undefined;
  let invocations = 0;
  const disposable = { dispose: () => {} };
  const core = {
    version: "4.0.0",
    hostVersion: "4.0.0",
    setProgrammingModel: (given: Model) => {
      model = given;
    },
    getProgrammingModel: () => model,
    registerHook: () => disposable,
    log: () => {},
    Disposable: class {},
    registerFunction: (metadata: FunctionMetadata, run: unknown) => {
      const [[bindingName, binding] = ["", {}]] = Object.entries(metadata.bindings).filter(([, { direction }]) => direction === "in");
      functions.set(metadata.name, {
        binding,
        async invoke(input, triggerMetadata = {}) {
          const invocationId = String(++invocations);
          const request = { invocationId, functionId: metadata.name, inputData: [{ name: bindingName, data: input }], triggerMetadata };
          const invocation = model?.getInvocationModel({ invocationId, metadata, request, log: () => {} });
          if (invocation === undefined) throw new Error("the library has not told its programming model");
          const { context, inputs } = await invocation.getArguments();
          return invocation.invokeFunction(context, inputs, run);
        },
      });
      return disposable;
    },
  };
  const loader = Module as unknown as { _load: Load };
  const load = loader._load;
  loader._load = (id, ...more) => (id === "@azure/functions-core" ? core : load(id, ...more));
  try {
    createRequire(import.meta.url)("@azure/functions");
    await register();
  } finally {
    loader._load = load;
  }
  return {
    functions,
    async request(name, { method, url, headers = {}, body }) {
      const http = { method, url, headers, query: {}, params: {}, ...(body !== undefined && { body: { string: body } }) };
      return (await functions.get(name)?.invoke({ http })) as HttpResponseInit;
    },
  };
}
