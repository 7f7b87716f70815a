export type { AnyCoordinator } from "../core/any-coordinator.ts";
export { createHttpApi, type HttpApi } from "./http-api.ts";
export type { HttpApiOptions, StaticFile, StaticFiles } from "./http-api-options.ts";
export { type HttpServer, type ServeOptions, serve } from "./serve.ts";
