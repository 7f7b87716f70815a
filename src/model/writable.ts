/** While it is being made: fields that may be absent are set one by one, as a spread makes all that follows it in a literal slow. */
export type Writable<Type> = { -readonly [Key in keyof Type]: Type[Key] };
