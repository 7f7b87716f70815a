import { Problem, toProblemResponse } from "../http/problem.ts";
import { secured } from "../http/response-headers.ts";

/** An event of an HTTP API of API Gateway, or of a function's URL, in payload format 2.0, as far as it is needed. */
export interface LambdaHttpEvent {
  readonly rawPath: string;
  readonly rawQueryString: string;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly cookies?: readonly string[] | undefined;
  readonly body?: string | undefined;
  readonly isBase64Encoded: boolean;
  readonly requestContext: { readonly domainName: string; readonly http: { readonly method: string } };
}

/** The answer to it. */
export interface LambdaHttpResult {
  statusCode: number;
  headers: Record<string, string>;
  cookies?: string[];
  body: string;
  isBase64Encoded: boolean;
}

/**
 * Makes an AWS Lambda function of a handler of requests.
 *
 * @example
 * ```ts
 * export const accept = toLambdaHttpHandler(createAcceptHandler({ coordinator }));
 * ```
 */
export function toLambdaHttpHandler(
  handle: (request: Request) => Promise<Response>,
): (event: LambdaHttpEvent) => Promise<LambdaHttpResult> {
  return async (event) => {
    const request = toRequest(event);
    return toResult(request === undefined ? secured(toProblemResponse(new Problem("REQUEST_MALFORMED"))) : await handle(request));
  };
}

/** Undefined for what the web knows no requests of, such as the method TRACE or a header that is not in Latin-1. */
function toRequest({ rawPath, rawQueryString, headers, cookies, body, isBase64Encoded, requestContext }: LambdaHttpEvent) {
  const { domainName, http } = requestContext;
  const query = rawQueryString === "" ? "" : `?${rawQueryString}`;
  const sent = Object.entries(headers).filter((header): header is [string, string] => header[1] !== undefined);
  const hasBody = body !== undefined && http.method !== "GET" && http.method !== "HEAD";
  try {
    return new Request(`https://${domainName}${rawPath}${query}`, {
      method: http.method,
      headers: [...sent, ...(cookies === undefined ? [] : [["cookie", cookies.join("; ")] as [string, string]])],
      ...(hasBody && { body: isBase64Encoded ? Buffer.from(body, "base64") : body }),
    });
  } catch {
    return undefined;
  }
}

async function toResult(response: Response): Promise<LambdaHttpResult> {
  const bytes = Buffer.from(await response.arrayBuffer());
  const isText = /^text\/|[/+](json|xml)\b/.test(response.headers.get("content-type") ?? "text/plain");
  const cookies = response.headers.getSetCookie();
  return {
    statusCode: response.status,
    headers: Object.fromEntries([...response.headers].filter(([name]) => name !== "set-cookie")),
    ...(cookies.length > 0 && { cookies }),
    body: bytes.toString(isText ? "utf8" : "base64"),
    isBase64Encoded: !isText,
  };
}
