import { WorkflowError, type Because, type ErrorClass } from "./errors.ts";

/** The database refused or broke a statement. Its class says whether it may be tried again. */
export class PersistenceError extends WorkflowError {
  override readonly name = "PersistenceError";
  readonly code = "PERSISTENCE_ERROR";
  readonly errorClass: ErrorClass;
  /** PostgreSQL's code, when it gave one. */
  readonly sqlState: string | undefined;

  constructor(message: string, errorClass: ErrorClass, options?: Because & { readonly sqlState?: string | undefined }) {
    super(message, options);
    this.errorClass = errorClass;
    this.sqlState = options?.sqlState;
  }
}

/** No connection to the database can be made. */
export class DatabaseUnreachableError extends WorkflowError {
  override readonly name = "DatabaseUnreachableError";
  readonly code = "DATABASE_UNREACHABLE";
  readonly errorClass = "transient";
  /** Host, port and database; never a password. */
  readonly address: string;

  constructor(address: string, because?: Because) {
    super(`PostgreSQL at ${address} cannot be reached. Is it running, and is DATABASE_URL right?`, because);
    this.address = address;
  }
}

/** The database is older than the engine can work with, or is no PostgreSQL. */
export class UnsupportedDatabaseError extends WorkflowError {
  override readonly name = "UnsupportedDatabaseError";
  readonly code = "UNSUPPORTED_DATABASE";
  readonly errorClass = "invalid";
  readonly version: string;

  constructor(version: string) {
    super(`The database is version ${version}; workflow-core needs PostgreSQL 15 or later. Please upgrade it.`);
    this.version = version;
  }
}

/** The pool has too few connections for what the engine must keep for itself. */
export class PoolTooSmallError extends WorkflowError {
  override readonly name = "PoolTooSmallError";
  readonly code = "POOL_TOO_SMALL";
  readonly errorClass = "invalid";
  readonly size: number;
  readonly needed: number;

  constructor(size: number, needed: number) {
    super(
      `The pool may have ${size} connections and ${needed} are needed. ` +
        `Raise \`maxConnections\`, or what the server allows this user, to ${needed} or more.`,
    );
    this.size = size;
    this.needed = needed;
  }
}

/** The schema in the database and this engine do not fit. */
export class SchemaOutdatedError extends WorkflowError {
  override readonly name = "SchemaOutdatedError";
  readonly code = "SCHEMA_OUTDATED";
  readonly errorClass = "invalid";
  readonly schema: string;
  /** What the database has; 0 if there is no schema yet. */
  readonly found: number;
  readonly needed: number;

  constructor(schema: string, found: number, needed: number) {
    const remedy =
      found < needed
        ? 'Run the migrations, or pass `migrate: "auto"`.'
        : "Upgrade workflow-core on this node to a version that knows it.";
    super(`Schema "${schema}" is at version ${found}; this engine needs ${needed}. ${remedy}`);
    this.schema = schema;
    this.found = found;
    this.needed = needed;
  }
}

/** Another process, or another provider of this one, uses the directory of the embedded database. */
export class DirectoryInUseError extends WorkflowError {
  override readonly name = "DirectoryInUseError";
  readonly code = "DIRECTORY_IN_USE";
  readonly errorClass = "conflict";
  readonly directory: string;

  constructor(directory: string, holder = "another process") {
    super(
      `Directory ${directory} is in use by ${holder}. ` +
        `Stop it, choose another directory, or set DATABASE_URL to share one PostgreSQL.`,
    );
    this.directory = directory;
  }
}

/** The directory of the embedded database cannot be made or written. */
export class DirectoryNotWritableError extends WorkflowError {
  override readonly name = "DirectoryNotWritableError";
  readonly code = "DIRECTORY_NOT_WRITABLE";
  readonly errorClass = "invalid";
  readonly directory: string;

  constructor(directory: string, because?: Because & { readonly isFile?: boolean }) {
    const problem = because?.isFile
      ? "is a file, or lies in one. Choose another directory."
      : "cannot be written. Give this user the right to, or choose another directory.";
    super(`Directory ${directory} ${problem}`, because);
    this.directory = directory;
  }
}

/** A package that this feature needs is not installed. */
export class MissingDependencyError extends WorkflowError {
  override readonly name = "MissingDependencyError";
  readonly code = "MISSING_DEPENDENCY";
  readonly errorClass = "invalid";
  readonly dependency: string;

  constructor(dependency: string, purpose: string, because?: Because) {
    super(`${purpose} needs the package "${dependency}". Install it: npm i ${dependency}`, because);
    this.dependency = dependency;
  }
}

/** A transaction kept a store with only one session (the embedded database, memory) to itself for too long. It was rolled back. */
export class TransactionTooLongError extends WorkflowError {
  override readonly name = "TransactionTooLongError";
  readonly code = "TRANSACTION_TOO_LONG";
  readonly errorClass = "timeout";
  readonly limitMs: number;

  constructor(limitMs: number) {
    super(
      `The transaction did not end within ${limitMs} ms and was rolled back: this store has one session for everybody. ` +
        "Do slow work outside of the transaction, or use PostgreSQL.",
    );
    this.limitMs = limitMs;
  }
}
