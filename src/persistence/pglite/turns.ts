/** One after the other: PGlite is one session, and a transaction has it to itself. */
export class Turns {
  readonly #waiting: (() => Promise<void>)[] = [];
  #isBusy = false;

  /** Does `work` when its turn comes; `first`: before all that wait. */
  take<T>(work: () => Promise<T>, first = false): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const turn = (): Promise<void> => work().then(resolve, reject);
      if (first) this.#waiting.unshift(turn);
      else this.#waiting.push(turn);
      if (!this.#isBusy) void this.#go();
    });
  }

  async #go(): Promise<void> {
    this.#isBusy = true;
    for (let turn = this.#waiting.shift(); turn !== undefined; turn = this.#waiting.shift()) await turn();
    this.#isBusy = false;
  }
}
