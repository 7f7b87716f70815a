/** A value as people read it: text as it is, all else as indented JSON. */
export function JsonView({ title, value }: { title: string; value: unknown }) {
  const text = typeof value === "string" ? value : (JSON.stringify(value, undefined, 2) ?? "undefined");
  return (
    <section class="json">
      <h2>{title}</h2>
      <pre>{text}</pre>
    </section>
  );
}
