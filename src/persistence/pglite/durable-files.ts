import { closeSync, fsyncSync, openSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { NodeFS } from "@electric-sql/pglite/nodefs";

type NodeFsClass = typeof NodeFS;
type Module = Parameters<NodeFS["init"]>[1];

/** The part of Emscripten's file system in Node.js that PGlite leaves open: PostgreSQL's fsync looks for it and finds nothing. */
interface SyncableModule {
  readonly NODEFS: { readonly stream_ops: { fsync?: (stream: { readonly nfd: number }) => number } };
}

/**
 * PGlite's files in a directory, with an fsync that syncs. PostgreSQL itself decides what is to be synced and when (the log at each
 * commit, all the rest at checkpoints), as on any server. Needs `fsync=on` and `wal_sync_method=fsync`: its fdatasync goes
 * another way, where there is no such opening.
 */
export function durableFiles(files: NodeFsClass, data: string): NodeFS {
  class DurableFiles extends files {
    override async init(...[pg, options]: Parameters<NodeFS["init"]>): Promise<{ emscriptenOpts: Module }> {
      const { emscriptenOpts } = await super.init(pg, options);
      const giveFsync = (module: object): void => {
        (module as SyncableModule).NODEFS.stream_ops.fsync = ({ nfd }) => {
          fsyncSync(nfd);
          return 0;
        };
      };
      return { emscriptenOpts: { ...emscriptenOpts, preRun: [...listOf(emscriptenOpts.preRun), giveFsync] } };
    }
  }
  return new DurableFiles(data);
}

/** The start parameters with fsync on. */
export const durableParameters = (defaults: readonly string[]): string[] => [
  ...defaults.filter((parameter) => parameter !== "-F"),
  ...["-c", "wal_sync_method=fsync"],
];

/** Syncs files that were written without it, and the folders that hold them. */
export function syncTree(folder: string): void {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) syncTree(path);
    else if (entry.isFile()) syncPath(path);
  }
  syncPath(folder);
}

function syncPath(path: string): void {
  if (process.platform === "win32") return; // there, a file that is open for reading cannot be synced
  const descriptor = openSync(path, "r");
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

const listOf = <T>(items: T | readonly T[] | undefined): readonly T[] =>
  items === undefined ? [] : Array.isArray(items) ? (items as readonly T[]) : [items as T];
