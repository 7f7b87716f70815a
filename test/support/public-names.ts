import { readFileSync } from "node:fs";
import { relative } from "node:path";
import { fileURLToPath } from "node:url";

interface PublicName {
  name: string;
  /** Where it is declared, from the root of the project. */
  file: string;
  /** Whether a docstring stands before its declaration. */
  documented: boolean;
}

const root = fileURLToPath(new URL("../..", import.meta.url));

/**
 * The names that an entry file exports, each with the file that declares it. Reads text, because TypeScript 7 has no compiler API;
 * that is enough for entries that list `export { name, type Name as Other } from "./file.ts";` and nothing else.
 */
export function publicNames(entry: URL): PublicName[] {
  return [...readFileSync(entry, "utf8").matchAll(/export (?:type )?\{([^}]*)\} from "([^"]+)";/g)].flatMap(([, list = "", from = ""]) =>
    list
      .replace(/\/\/.*$/gm, "")
      .split(",")
      .map((item) => item.trim().replace(/^type /, ""))
      .filter((item) => item !== "")
      .map((item) => {
        const [declaredName = item, publicName = item] = item.split(" as ");
        return { ...declarationOf(declaredName, new URL(from, entry)), name: publicName };
      }),
  );
}

function declarationOf(name: string, file: URL): PublicName {
  const text = readFileSync(file, "utf8");
  const declaration = new RegExp(
    `(\\*/\\n)?export (?:declare )?(?:abstract )?(?:async )?(?:const|function|class|interface|type) ${name.replaceAll("$", "\\$")}\\b`,
  ).exec(text);
  if (declaration !== null) return { name, file: relative(root, fileURLToPath(file)), documented: declaration[1] !== undefined };
  const passedOn = publicNames(file).find((candidate) => candidate.name === name);
  if (passedOn === undefined) throw new Error(`${relative(root, fileURLToPath(file))} does not declare ${name} with export`);
  return passedOn;
}
