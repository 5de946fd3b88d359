import pg from "pg";

const int8 = 20;
const int8Array = 1016;

/**
 * How the engine's sessions read values: as the driver does, but int8 as a number, or as a BigInt where a number would lie (the
 * embedded PGlite does the same). For these sessions alone: the driver's global parsers belong to the application.
 */
export const typeParsers: pg.CustomTypesConfig = {
  getTypeParser: (oid: number, format?: string) => {
    if (format !== "binary" && oid === int8) return readInt8;
    if (format !== "binary" && oid === int8Array) return readInt8Array;
    const parse: unknown =
      format === "binary" ? pg.types.getTypeParser(oid, "binary") : pg.types.getTypeParser(oid, "text");
    return parse;
  },
};

function readInt8(text: string): number | bigint {
  const number = Number(text);
  return Number.isSafeInteger(number) ? number : BigInt(text);
}

/** One-dimensional, as this engine uses them. */
const readInt8Array = (text: string): readonly (number | bigint | null)[] =>
  text === "{}"
    ? []
    : text
        .slice(1, -1)
        .split(",")
        .map((item) => (item === "NULL" ? null : readInt8(item)));
