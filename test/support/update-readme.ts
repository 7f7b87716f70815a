import { readFileSync, writeFileSync } from "node:fs";
import { fillReadme, readmeBlocks } from "./readme-blocks.ts";

/** `npm run docs`: writes the generated parts of the README anew. */

const readme = new URL("../../README.md", import.meta.url);
writeFileSync(readme, fillReadme(readFileSync(readme, "utf8"), readmeBlocks()));
