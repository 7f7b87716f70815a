import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";

/** Static files with relative addresses, so that the dashboard can be mounted at any path. */
export default defineConfig({
  root: fileURLToPath(new URL(".", import.meta.url)),
  base: "./",
  build: {
    outDir: fileURLToPath(new URL("../../../dist/dashboard", import.meta.url)),
    emptyOutDir: true,
    // A strict content security policy allows no data: addresses for scripts and styles.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    target: "es2022",
  },
});
