import { NotStorableError } from "./errors-values.ts";
import { isStorableText, shorten } from "./text.ts";
import { isTag, userKeyOf } from "./value-format.ts";

/** A way down into a value, as it stands in errors: `$.items[3].price`. */
export const pathOf = (steps: readonly (string | number)[]): string => `$${steps.map(pathStep).join("")}`;

/** Throws `NotStorableError` if a text or key of the tree holds what PostgreSQL cannot store. */
export function findUnstorableText(tree: unknown, what: string): void {
  const search = (node: unknown, path: string): void => {
    if (typeof node === "string" && !isStorableText(node)) {
      throw new NotStorableError(what, path, "a text with a NUL character or half of a surrogate pair");
    }
    if (typeof node !== "object" || node === null) return;
    const isArray = Array.isArray(node);
    for (const [key, child] of Object.entries(node)) {
      const step = pathStep(isArray ? Number(key) : userKeyOf(key));
      if (!isStorableText(key)) {
        throw new NotStorableError(
          what,
          path + step,
          "a field whose name has a NUL character or half of a surrogate pair",
        );
      }
      search(child, isTag(key) ? path : path + step);
    }
  };
  search(tree, "$");
}

const identifier = /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u;

function pathStep(step: string | number): string {
  if (typeof step === "number") return `[${step}]`;
  const shown = shorten(step, 60);
  return identifier.test(shown) ? `.${shown}` : `[${JSON.stringify(shown)}]`;
}
