/** A server that can do nothing beyond plain SQL. */
export const plainServer = { skipLocked: false, listenNotify: false, namedStatements: false, partialIndexes: false };
