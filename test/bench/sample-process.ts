import type { Contender } from "./contenders/stored-contender.ts";
import { type SampleSetting, takeSample } from "./sample.ts";

/** Takes samples of the contender of this name that this module exports, as it is asked for them. */
const [url = "", name = ""] = process.argv.slice(2);
const contenders = Object.values((await import(url)) as Record<string, Contender>);
const contender = contenders.find((each) => each.name === name);
if (contender === undefined) throw new Error(`${url} has no contender "${name}"`);

process.on("message", (setting: SampleSetting) => {
  takeSample(contender, setting).then(
    (us) => process.send?.(us),
    (error: unknown) => {
      console.error(error);
      process.exit(1);
    },
  );
});
process.on("disconnect", () => process.exit());
