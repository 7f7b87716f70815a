export function createPostgresStore(_: unknown): never { throw new Error("not yet"); }
