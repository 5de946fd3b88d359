import fs from "node:fs";
import path from "node:path";

/**
 * A snippet of a document, with the comment in front of it, which nobody sees who reads the rendered page:
 *
 *     <!-- run on memory                    where: memory, pglite (in an empty directory) or postgres (an empty database)
 *     code that stands before the snippet
 *     ---
 *     code that stands behind it, to run what it describes
 *     -->
 *
 *     <!-- run on memory together           in one process with all others that say so, once straight and once with a crash after
 *     …                                     every transition; it cannot print
 *     -->
 *
 *     <!-- fragment: why it cannot be run -->
 *
 * What the snippet prints is told behind it: `console.log(x); // prints 3`.
 */
export interface Snippet {
  /** Path of the document. */
  readonly document: string;
  /** Line of the fence, from 1. */
  readonly line: number;
  readonly code: string;
  readonly purpose: Purpose;
}

export type Purpose =
  | {
      readonly kind: "run";
      readonly store: StoreName;
      readonly together: boolean;
      readonly before: string;
      readonly after: string;
    }
  | { readonly kind: "fragment"; readonly reason: string }
  | { readonly kind: "unmarked" };

const stores = ["memory", "pglite", "postgres"] as const;
export type StoreName = (typeof stores)[number];

const opening = /^ {0,3}```(?:ts|typescript|js|javascript)\b/;
const closing = /^ {0,3}```\s*$/;

/** Every document that a user reads: those at the root, and all of docs/. */
export function documentsOf(root: string): readonly string[] {
  const docs = path.join(root, "docs");
  const inDocs = fs.existsSync(docs) ? fs.readdirSync(docs, { recursive: true }).map(String) : [];
  return [...fs.readdirSync(root), ...inDocs.map((name) => path.join("docs", name))].filter((name) =>
    name.endsWith(".md"),
  );
}

/** The snippets of a document, in its order. */
export function snippetsOf(document: string, text: string): readonly Snippet[] {
  const lines = text.split("\n");
  const snippets: Snippet[] = [];
  for (let at = 0; at < lines.length; at += 1) {
    if (!opening.test(lines[at] ?? "")) continue;
    const length = lines.slice(at + 1).findIndex((line) => closing.test(line));
    if (length < 0) throw new Error(`${document}:${at + 1}: this fence is never closed.`);
    const code = lines.slice(at + 1, at + 1 + length).join("\n");
    snippets.push({ document, line: at + 1, code, purpose: purposeOf(commentAbove(lines.slice(0, at))) });
    at += length + 1;
  }
  return snippets;
}

/** What a snippet says that it prints, a line each. */
export const printsOf = ({ code }: Snippet): string =>
  [...code.matchAll(/\/\/ prints (.*)$/gm)].map(([, said]) => `${said}\n`).join("");

function commentAbove(lines: readonly string[]): string | undefined {
  const above = lines.join("\n").trimEnd();
  if (!above.endsWith("-->")) return undefined;
  return above.slice(above.lastIndexOf("<!--") + 4, -3).trim();
}

function purposeOf(comment: string | undefined): Purpose {
  const fragment = /^fragment: (.+)$/s.exec(comment ?? "")?.[1];
  if (fragment !== undefined) return { kind: "fragment", reason: fragment };
  const [, name, together, hidden = ""] = /^run on (\w+)( together)?(?:\n(.*))?$/s.exec(comment ?? "") ?? [];
  const store = stores.find((one) => one === name);
  if (store === undefined) return { kind: "unmarked" };
  const [before = "", after = ""] = hidden.split(/^---$/m);
  return { kind: "run", store, together: together !== undefined, before, after };
}
