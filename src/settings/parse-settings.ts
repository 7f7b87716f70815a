import { type Document, isAlias, isMap, isScalar, isSeq, LineCounter, type Node, parseDocument, visit } from "yaml";
import { SettingsError, type SettingsErrorOptions } from "../model/settings-error.ts";
import { checkSettings, type Position } from "./check-settings.ts";
import { type Environment, processEnvironment } from "./environment.ts";
import type { Settings } from "./settings-schema.ts";

/** Where the environment and the name for messages come from. */
export interface ParseSettingsOptions {
  /** Fills what the text leaves out of `llm`, and overrides three settings; the environment of the process. `{}` for none. */
  environment?: Environment;
  /** Named in errors. */
  file?: string;
}

/**
 * Reads settings from YAML text: keys in snake_case, whatever is left out gets its default.
 * Throws `SettingsError` with path, line, column and, for an unknown key, the nearest known one.
 */
export function parseSettings(yaml: string, { environment = processEnvironment(), file }: ParseSettingsOptions = {}): Settings {
  const lines = new LineCounter();
  // Pretty errors and warnings quote the text around them, which may hold a secret.
  const document = parseDocument(yaml, { prettyErrors: false, logLevel: "error", lineCounter: lines });
  const options: SettingsErrorOptions = file === undefined ? {} : { file };
  const toPosition = (offset: number): Position => {
    const { line, col } = lines.linePos(offset);
    return { line, column: col };
  };
  const unreadable = (why: string, offset: number) =>
    new SettingsError([{ path: "", message: `unreadable YAML: ${why}`, ...toPosition(offset) }], options);

  const [syntaxError] = document.errors;
  if (syntaxError !== undefined) throw unreadable(toWords(syntaxError.code), syntaxError.pos[0]);
  const looseAlias = findLooseAlias(document);
  if (looseAlias !== undefined) throw unreadable("an alias without an anchor", looseAlias);
  return checkSettings(
    toPlainData(document, () => unreadable("too many aliases", 0)),
    {
      ...options,
      spelling: "yaml",
      environment,
      locate: (path, part) => {
        const offset = offsetOf(document, path, part);
        return offset === undefined ? undefined : toPosition(offset);
      },
    },
  );
}

function toPlainData(document: Document, tooManyAliases: () => SettingsError): unknown {
  try {
    return document.toJS();
  } catch {
    throw tooManyAliases();
  }
}

function findLooseAlias(document: Document): number | undefined {
  let offset: number | undefined;
  visit(document, {
    Alias(_, alias) {
      if (alias.resolve(document) !== undefined) return undefined;
      offset = alias.range?.[0] ?? 0;
      return visit.BREAK;
    },
  });
  return offset;
}

/** Where the value at `path` begins, or its key; where it stands behind an alias, the innermost node that is in the text. */
function offsetOf(document: Document, path: readonly (string | number)[], part: "key" | "value"): number | undefined {
  let node: unknown = document.contents;
  let offset: number | undefined;
  for (const [index, step] of path.entries()) {
    if (isAlias(node)) break;
    const { key, value } = childOf(node, step);
    if (value === undefined && key === undefined) break;
    const wanted = index === path.length - 1 && part === "key" ? (key ?? value) : (value ?? key);
    offset = wanted?.range?.[0] ?? offset;
    node = value;
  }
  return offset ?? document.contents?.range?.[0] ?? 0;
}

function childOf(node: unknown, step: string | number): { key?: Node | undefined; value?: Node | undefined } {
  if (isSeq<Node>(node) && typeof step === "number") return { value: node.items[step] };
  if (!isMap<Node, Node>(node)) return {};
  const pair = node.items.find(({ key }) => isScalar(key) && String(key.value) === step);
  return pair === undefined ? {} : { key: pair.key, value: pair.value ?? undefined };
}

function toWords(code: string): string {
  return code.toLowerCase().replaceAll("_", " ");
}
