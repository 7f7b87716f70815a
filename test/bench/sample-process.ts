/**
 * Takes samples of one contender, as it is asked for them: `takeSample` of the first module, of the contender with this name that the second
 * one exports.
 */
const [sampleUrl = "", contenderUrl = "", name = ""] = process.argv.slice(2);
const { takeSample } = (await import(sampleUrl)) as { takeSample(contender: unknown, setting: unknown): Promise<number> };
const contenders = Object.values((await import(contenderUrl)) as Record<string, { readonly name: string }>);
const contender = contenders.find((each) => each.name === name);
if (contender === undefined) throw new Error(`${contenderUrl} has no contender "${name}"`);

process.on("message", (setting) => {
  takeSample(contender, setting).then(
    (us) => process.send?.(us),
    (error: unknown) => {
      console.error(error);
      process.exit(1);
    },
  );
});
process.on("disconnect", () => process.exit());
