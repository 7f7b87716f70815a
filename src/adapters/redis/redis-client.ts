/** What the store needs of an `ioredis` client, of one server or of a cluster. */
export interface RedisClientLike {
  /** `ready` when commands go out. */
  readonly status: string;
  readonly options?: { readonly keyPrefix?: string | undefined; readonly maxRetriesPerRequest?: number | null | undefined };
  connect(): Promise<unknown>;
  call(command: string, args: (string | number)[]): Promise<unknown>;
  callBuffer(command: string, args: (string | number)[]): Promise<unknown>;
  subscribe(...channels: string[]): Promise<unknown>;
  unsubscribe(...channels: string[]): Promise<unknown>;
  ping(): Promise<unknown>;
  readonly isCluster?: boolean;
  /** Another connection of the same kind; only a client of one server is given options. */
  duplicate(options?: object): RedisClientLike;
  /** Closes at once; with true only to connect again. */
  disconnect(reconnect?: boolean): void;
  // biome-ignore lint/suspicious/noExplicitAny: listeners of an emitter, whose types differ between versions.
  on(event: string, listener: (...values: any[]) => void): unknown;
  // biome-ignore lint/suspicious/noExplicitAny: as above.
  once(event: string, listener: (...values: any[]) => void): unknown;
  // biome-ignore lint/suspicious/noExplicitAny: as above.
  removeListener(event: string, listener: (...values: any[]) => void): unknown;
}
